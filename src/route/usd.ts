/** `$0.0123` of micro-dollars, with as many places as a thousandth of the figure needs, two to six. */
export function usdText(micros: number): string {
  const usd = Math.abs(micros) / 1_000_000
  const places = usd >= 10 ? 2 : usd >= 0.1 ? 4 : 6
  return `${micros < 0 ? '−' : ''}$${usd.toFixed(places)}`
}

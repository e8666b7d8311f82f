/** A dollar in the integer unit that all sums are kept in. */
export const MICROS_PER_USD = 1_000_000

/** `$5.00`, `$0.000125`: exact, with two to six decimals. */
export function usd(micros: number): string {
  const whole = Math.floor(micros / MICROS_PER_USD)
  const fraction = String(micros % MICROS_PER_USD).padStart(6, '0')
  return `$${whole}.${fraction.slice(0, 2)}${fraction.slice(2).replace(/0+$/, '')}`
}

/** The nearest whole number of micro-dollars: what a person writes in dollars has at most six decimals. */
export function microsOf(dollars: number): number {
  return Math.round(dollars * MICROS_PER_USD)
}

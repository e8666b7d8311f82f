/** A number as its shortest decimal text has it: `units` divided by 10 to the power of `scale`, which is ≥ 0. */
export interface Decimal {
  readonly units: bigint
  readonly scale: number
}

/** Exactly what `String(value)` says; the value must be finite. */
export function decimalOf(value: number): Decimal {
  const [mantissa = '0', exponent = '0'] = String(value).split('e')
  const [whole = '0', fraction = ''] = mantissa.split('.')
  const scale = fraction.length - Number(exponent)
  const units = BigInt(whole + fraction)
  return scale < 0 ? { units: units * 10n ** BigInt(-scale), scale: 0 } : { units, scale }
}

/** How many units of 10^−scale; undefined where it is not a whole number of them. */
export function unitsAt({ units, scale }: Decimal, at: number): bigint | undefined {
  if (at >= scale) return units * 10n ** BigInt(at - scale)
  const divisor = 10n ** BigInt(scale - at)
  return units % divisor === 0n ? units / divisor : undefined
}

/** Rounded up to a whole number of units of 10^−scale. */
export function ceilAt({ units, scale }: Decimal, at: number): bigint {
  if (at >= scale) return units * 10n ** BigInt(at - scale)
  const divisor = 10n ** BigInt(scale - at)
  const floor = units / divisor
  return units % divisor > 0n ? floor + 1n : floor
}

export function floorAt({ units, scale }: Decimal, at: number): bigint {
  return -ceilAt({ units: -units, scale }, at)
}

export function greatestDivisor(left: bigint, right: bigint): bigint {
  return right === 0n ? left : greatestDivisor(right, left % right)
}

/** The double that this many units are read as. */
export function doubleOf(units: bigint, scale: number): number {
  return Number(`${units}e-${scale}`)
}

/** Digits with exactly `scale` of them behind the point, and at least one before it; no sign. */
export function digitsOf(
  units: bigint,
  scale: number,
): { readonly whole: string; readonly fraction: string } {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0')
  return { whole: digits.slice(0, digits.length - scale), fraction: digits.slice(digits.length - scale) }
}

/** By their decimal texts: 0.07 is a multiple of 0.01, although its double divided by the other is no whole number. */
export function isMultiple(value: number, step: number): boolean {
  const [one, other] = [decimalOf(value), decimalOf(step)]
  const scale = Math.max(one.scale, other.scale)
  return (unitsAt(one, scale) ?? 0n) % (unitsAt(other, scale) ?? 1n) === 0n
}

/** Whether a double is what its decimal says: its denominator is a power of two. */
export function isDyadic({ units, scale }: Decimal): boolean {
  return units % 5n ** BigInt(scale) === 0n
}

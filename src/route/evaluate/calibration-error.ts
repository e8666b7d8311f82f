const GROUPS = 10

/**
 * How far the foretold is from what came: rows in ten groups of equal size by the foretold, and of each the distance
 * between both means, weighted by its rows (expected calibration error, Naeini et al. 2015).
 */
export function calibrationError(pairs: readonly (readonly [foretold: number, seen: number])[]): number {
  const sorted = pairs.toSorted(([left], [right]) => left - right)
  let error = 0
  for (let group = 0; group < GROUPS; group++) {
    const from = Math.floor((group * sorted.length) / GROUPS)
    const rows = sorted.slice(from, Math.floor(((group + 1) * sorted.length) / GROUPS))
    const apart = rows.reduce((sum, [foretold, seen]) => sum + foretold - seen, 0)
    error += Math.abs(apart) / sorted.length
  }
  return error
}

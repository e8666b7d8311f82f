const STANDARD_ERRORS = 2

/** Whether a mean of paired differences is worth its cost and no chance: two standard errors above nothing. */
export function clearlyBetter(differences: readonly number[], least: number): boolean {
  const count = differences.length
  const mean = differences.reduce((sum, one) => sum + one, 0) / (count || 1)
  const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const error = Math.sqrt(squares / Math.max(1, count - 1) / Math.max(1, count))
  return mean > Math.max(least, STANDARD_ERRORS * error)
}

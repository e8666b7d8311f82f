import type { Evidence, Measure } from '../handbook/evidence.ts'

/**
 * How far a passage of a collection supports a question, 0 to 1; from 0.5 on it is worth quoting. The measures are the
 * handbook's, the weights are not: a collection's documents have no phrases by which they are asked for, and their
 * headings say less. Fitted by logistic regression on the handbook's development questions, asked over its pages as
 * a collection, and on docs-chunks' own queries; the bias was then lowered so that of near misses few are answered.
 */
const BIAS = -6
const WEIGHTS: readonly (readonly [Measure, number])[] = [
  ['body', 3.3],
  ['coverage', 1.1],
  ['phrase', 0.6],
  ['mass', 4],
  ['unquoted', -1.2],
  ['unknowns', -4],
  ['defines', 2.2],
  ['figureless', -2.8],
  ['identifiers', 1.2],
]

export function supportOf(evidence: Evidence): number {
  let total = BIAS
  for (const [name, weight] of WEIGHTS) total += weight * evidence[name]
  return 1 / (1 + Math.exp(-total))
}

import type { Evidence, Measure } from './evidence.ts'

/**
 * DESIGN. How far a passage supports a question, from 0 to 1, without a model. Rank says which passage is
 * nearest; it does not say whether the nearest is near enough, and a near miss ("How do I set the Redis
 * password?") ranks as well as a question that the handbook answers. So support is judged apart from rank: the
 * measures of a passage's best window (evidence.ts) go through a logistic function whose weights were fitted on
 * the development questions below bench/, never on the test questions.
 */

/** 0.5 is where a passage begins to be worth quoting. */
const BIAS = -5.5
const WEIGHTS: readonly (readonly [Measure, number])[] = [
  ['coverage', 2.6],
  ['body', 2.2],
  ['contained', 1],
  ['loose', 1],
  ['heading', 1.2],
  ['phrase', 2.2],
  ['pairs', 0.4],
  ['mass', 1.8],
  ['gap', -1],
  ['unshown', -0.5],
  ['missed', -1],
  ['unquoted', -1],
  ['unknowns', -2],
  ['names', -2],
  ['defines', 3],
  ['figureless', -1.5],
  ['identifiers', 1.5],
]

/** 0–1. */
export function supportOf(evidence: Evidence): number {
  let total = BIAS
  for (const [name, weight] of WEIGHTS) total += weight * evidence[name]
  return 1 / (1 + Math.exp(-total))
}

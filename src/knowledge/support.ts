import type { Evidence, Measure } from './evidence.ts'

/**
 * DESIGN. How far a passage supports a question, from 0 to 1, without a model. Rank says which passage is
 * nearest; it does not say whether the nearest is near enough, and a near miss ("How do I set the Redis
 * password?") ranks as well as a question that the handbook answers. So support is judged apart from rank: the
 * measures of a passage's best window (evidence.ts) go through a logistic function whose weights were fitted on
 * the development questions below bench/, never on the test questions.
 */

/** 0.5 is where a passage begins to be worth quoting. */
const BIAS = -7
const WEIGHTS: readonly (readonly [Measure, number])[] = [
  ['coverage', 4.5],
  ['body', 0.2],
  ['heading', 0.85],
  ['phrase', 1.9],
  ['contained', 2.1],
  ['mass', 1.3],
  ['unquoted', -1.2],
  ['unknowns', -1],
  ['defines', 3.4],
  ['figureless', -2.2],
  ['identifiers', 0.9],
]

/** 0–1. */
export function supportOf(evidence: Evidence): number {
  let total = BIAS
  for (const [name, weight] of WEIGHTS) total += weight * evidence[name]
  return 1 / (1 + Math.exp(-total))
}

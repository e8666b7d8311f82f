import type { Evidence, Measure } from './evidence.ts'

/**
 * DESIGN. How far a passage supports a question, from 0 to 1, without a model. Rank says which passage is
 * nearest; it does not say whether the nearest is near enough, and a near miss ("How do I set the Redis
 * password?") ranks as well as a question that the handbook answers. So support is judged apart from rank: the
 * measures of a passage's best window (evidence.ts) go through a logistic function. Its weights were fitted on
 * the development and strangers' questions below bench/, never on the test questions, and then rounded; two were
 * raised by hand, because the questions hold too few cases of them: who asks what a thing means (`defines`) or
 * names a code (`identifiers`) asks for the passage that has it.
 */

/** 0.5 is where a passage begins to be worth quoting. */
const BIAS = -8
const WEIGHTS: readonly (readonly [Measure, number])[] = [
  ['body', 0.3],
  ['coverage', 4.4],
  ['heading', 1.1],
  ['phrase', 2.1],
  ['contained', 2.9],
  ['mass', 1.4],
  ['unquoted', -1.4],
  ['unknowns', -0.6],
  ['defines', 3.5],
  ['figureless', -1.4],
  ['identifiers', 0.9],
]

/** 0–1. */
export function supportOf(evidence: Evidence): number {
  let total = BIAS
  for (const [name, weight] of WEIGHTS) total += weight * evidence[name]
  return 1 / (1 + Math.exp(-total))
}

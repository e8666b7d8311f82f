import type { Evidence } from '../../contract/escalation.ts'

/**
 * Log odds that the evidence adds to the prior's: where the two cheap models agree, where they differ, where the cheap
 * answer is cut off, and for its length.
 */
export type Weights = readonly number[]

/**
 * From recorded outcomes of 28 models on GSM8K, CRUX and MATH-L5 (ZeroEval, Apache-2.0): cheap pairs of two makers below
 * strong models, with priors that had not seen the row. A cut-off answer is seldom in that data; its weight is that of
 * a disagreement.
 */
export const DEFAULT_WEIGHTS: Weights = [-0.9, 0.55, 0.55, 0.12]

const GAIN_MAX = 0.999
/** The length at which a cheap answer says nothing: the middle of recorded ones, UTF-16 units. */
const USUAL_CHARS = 600

/**
 * P(strong right) − P(cheap right) with the evidence, from what the prior expects of it: log odds of (gain + 1) / 2, to
 * which each column adds its weight. Between −1 and 1.
 */
export function posteriorGain(prior: number, evidence: Evidence, weights: Weights): number {
  const columns = columnsOf(evidence)
  let odds = Math.log((1 + clip(prior)) / (1 - clip(prior)))
  for (const [at, column] of columns.entries()) odds += column * (weights[at] ?? 0)
  return 2 / (1 + Math.exp(-odds)) - 1
}

function columnsOf({ agrees, whole, chars }: Evidence): readonly number[] {
  return [
    agrees === true ? 1 : 0,
    agrees === false ? 1 : 0,
    whole ? 0 : 1,
    Math.log((chars + 100) / (USUAL_CHARS + 100)),
  ]
}

function clip(gain: number): number {
  return Math.max(-GAIN_MAX, Math.min(GAIN_MAX, gain))
}

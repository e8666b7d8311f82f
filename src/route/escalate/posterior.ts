import type { Evidence } from '../../contract/escalation.ts'

/**
 * Log odds that the evidence adds to the prior's: where the two cheap models agree, where they differ, where the cheap
 * answer is cut off, and for how sure the cheap model was.
 */
export type Weights = readonly number[]

/**
 * Fitted by `npm run fit:weights` to recorded outcomes on GSM8K, CRUX and MATH-L5 (ZeroEval, Apache-2.0): 18 pairs of a
 * cheap and a strong model, each with second models of other makers, 122,256 rows, with priors that had not seen the
 * row. Held out, the squared error of the gain falls from .208 with the prior alone to .188. In that data an answer that
 * is none differs from every other one, and its own weight cannot be told from that: a cut-off answer is chosen to weigh
 * about as much as a difference. No outcomes with probabilities of tokens are public: how much sureness weighs is learned
 * from one's own outcomes, and is nothing until then.
 */
export const DEFAULT_WEIGHTS: Weights = [-0.29, 0.33, 0.3, 0]

const GAIN_MAX = 0.999
/** The margin at which a model is neither sure nor unsure. */
const USUAL_MARGIN = 0.7

/**
 * P(strong right) − P(cheap right) with the evidence, from what the prior expects of it: log odds of (gain + 1) / 2, to
 * which each column adds its weight. Between −1 and 1.
 */
export function posteriorGain(prior: number, evidence: Evidence, weights: Weights): number {
  const columns = columnsOf(evidence)
  let odds = oddsOfGain(prior)
  for (const [at, column] of columns.entries()) odds += column * (weights[at] ?? 0)
  return 2 / (1 + Math.exp(-odds)) - 1
}

/**
 * In the order of the weights. The length of the answer is left out: how long a right answer is depends on what was
 * asked, and what recorded outcomes say of it does not carry over.
 */
export function columnsOf({ agrees, whole, margin }: Evidence): readonly number[] {
  const sure = margin === undefined ? 0 : margin - USUAL_MARGIN
  return [agrees === true ? 1 : 0, agrees === false ? 1 : 0, whole ? 0 : 1, sure]
}

/** Log odds of (gain + 1) / 2, within bounds. */
export function oddsOfGain(gain: number): number {
  return Math.log((1 + clip(gain)) / (1 - clip(gain)))
}

function clip(gain: number): number {
  return Math.max(-GAIN_MAX, Math.min(GAIN_MAX, gain))
}

import type { Evidence } from '../../contract/escalation.ts'

/** What each weight is for, in words, in the order of the weights. */
export const WEIGHT_NAMES = [
  'agree',
  'differ',
  'cut off',
  'sure',
  'grounded',
  'failed step',
  'repeated call',
  'steps',
  'like requests',
] as const

/** Log odds that a piece of evidence adds to the prior's, in the order of WEIGHT_NAMES. */
export type Weights = readonly number[]

/**
 * The first two were fitted by `npm run fit:weights` to recorded outcomes on GSM8K, CRUX and MATH-L5 (ZeroEval,
 * Apache-2.0): 18 pairs of a cheap and a strong model, each with second models of other makers, 122,256 rows, with
 * priors that had not seen the row. Held out, the squared error of the gain falls from .208 with the prior alone to
 * .188. In that data an answer that is none differs from every other one, and its own weight cannot be told from that: a
 * cut-off answer is chosen to weigh about as much as a difference.
 *
 * For the others no outcomes are public, and they are chosen, for one's own outcomes to correct: an answer of which
 * nothing stands in its passages weighs as much as a difference, a step that failed or a call that is made again nearly
 * three times as much, and neither sureness nor the number of steps weighs anything until it is learned. Labelled requests of like meaning
 * take the prior's place as far as they are many and near.
 */
export const DEFAULT_WEIGHTS: Weights = [-0.29, 0.33, 0.3, 0, -0.5, 0.9, 0.9, 0, 1]

const GAIN_MAX = 0.999
/** Neighbours are few: that all of them gained does not make it certain. */
const NEIGHBOURS_GAIN_MAX = 0.9
/** The margin at which a model is neither sure nor unsure, and the share at which an answer is as grounded as most. */
const USUAL_MARGIN = 0.7
const USUAL_GROUNDING = 0.7

/**
 * P(strong right) − P(cheap right) with the evidence, from what the prior expects of it: log odds of (gain + 1) / 2, to
 * which each column adds its weight. What is absent adds nothing. Between −1 and 1.
 */
export function posteriorGain(prior: number, evidence: Partial<Evidence>, weights: Weights): number {
  const columns = columnsOf(evidence, prior)
  let odds = oddsOfGain(prior)
  for (const [at, column] of columns.entries()) odds += column * (weights[at] ?? 0)
  return 2 / (1 + Math.exp(-odds)) - 1
}

/**
 * In the order of the weights. The length of the answer is left out: how long a right answer is depends on what was
 * asked, and what recorded outcomes say of it does not carry over.
 */
export function columnsOf(evidence: Partial<Evidence>, prior: number): readonly number[] {
  const { agrees, whole = true, margin, grounding, repeats, step, neighbours } = evidence
  return [
    agrees === true ? 1 : 0,
    agrees === false ? 1 : 0,
    whole ? 0 : 1,
    margin === undefined ? 0 : margin - USUAL_MARGIN,
    grounding === undefined ? 0 : grounding - USUAL_GROUNDING,
    step?.failed === undefined ? 0 : 1,
    repeats === true ? 1 : 0,
    step === undefined ? 0 : Math.log2(step.number),
    neighbours === undefined
      ? 0
      : neighbours.weight * (oddsOfGain(heldGain(neighbours.gain)) - oddsOfGain(prior)),
  ]
}

/** Log odds of (gain + 1) / 2, within bounds. */
export function oddsOfGain(gain: number): number {
  return Math.log((1 + clip(gain)) / (1 - clip(gain)))
}

function heldGain(gain: number): number {
  return Math.max(-NEIGHBOURS_GAIN_MAX, Math.min(NEIGHBOURS_GAIN_MAX, gain))
}

function clip(gain: number): number {
  return Math.max(-GAIN_MAX, Math.min(GAIN_MAX, gain))
}

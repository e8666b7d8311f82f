import type { Evidence } from '../../contract/escalation.ts'
import { fitLogistic } from '../learn/logistic.ts'
import { columnsOf, oddsOfGain, type Weights } from './posterior.ts'

/** A request on which both models have answered. */
export interface LearnedRow {
  /** The prior's gain. */
  readonly prior: number
  readonly evidence: Evidence
  /** Right of the strong answer less right of the cheap one, −1 to 1. */
  readonly gain: number
}

/** How many rows of contrary evidence it takes to move a weight half way from where it was. */
const RIDGE = 20

/**
 * Weights for the evidence: logistic regression on (gain + 1) / 2 with the prior's log odds as offset, held near the
 * weights that it begins with, by Newton's steps. The same rows in any order give the same weights up to rounding.
 */
export function fitWeights(rows: readonly LearnedRow[], start: Weights): Weights {
  const begin = Float64Array.from(start)
  const fitted = fitLogistic({
    rows: rows.map(({ evidence, prior }) => Float64Array.from(columnsOf(evidence, prior))),
    targets: Float64Array.from(rows, ({ gain }) => (gain + 1) / 2),
    offsets: Float64Array.from(rows, ({ prior }) => oddsOfGain(prior)),
    begin,
    penalties: begin.map(() => RIDGE),
    towards: begin,
  })
  return [...fitted]
}

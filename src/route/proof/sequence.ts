import * as z from 'zod'
import { strayBound } from './mixture.ts'

/** A mean lies in it, as far as the data say: at any time, however often it was looked at. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** What a term can be; it lies around 0. */
export interface Range {
  readonly low: number
  readonly high: number
}

const finite = z.number()

export const sequenceStateSchema = z
  .strictObject({
    weight: finite.min(0),
    sum: finite,
    /** Sums of squares about the predictor, in units of the largest fall (rise) of a term. */
    falling: finite.min(0),
    rising: finite.min(0),
  })
  .readonly()
export type SequenceState = z.infer<typeof sequenceStateSchema>

/** How far a predictor may go beyond 0 on the side away from the bound that it serves, as a share of the range. */
const PREDICTED_SHARE = 0.5

/**
 * An interval for a running mean that holds at all times at once: an empirical-Bernstein confidence sequence in
 * constant memory.
 *
 * DESIGN. Each term comes with bounds that were known before it was seen, and a weight that was, too. The lower and
 * the upper limit are two processes, each with a predictor and a largest step of its own: what can only rise a little
 * is switched off on little evidence, whatever the largest loss could have been. Where the mean drifts, the interval is
 * one for the weighted average of the means so far, and stays valid (Howard et al. 2021, section 3.2; the predictors are
 * any numbers that are known before the term). The estimate does not depend on the order of the terms; the width does,
 * a little, because the predictors learn.
 */
export class ConfidenceSequence {
  readonly #range: Range
  readonly #fall: number
  readonly #rise: number
  #weight = 0
  #sum = 0
  #falling = 0
  #rising = 0

  /** `range`: of a term of weight 1; `low` < 0 < `high`. */
  constructor(range: Range, state?: SequenceState) {
    this.#range = range
    this.#fall = -range.low * (1 + PREDICTED_SHARE)
    this.#rise = range.high * (1 + PREDICTED_SHARE)
    if (state === undefined) return
    this.#weight = state.weight
    this.#sum = state.sum
    this.#falling = state.falling
    this.#rising = state.rising
  }

  /** The largest weight, at most 1, that a term of such a range may have now. */
  weightOf(range: Range): number {
    const fall = this.#predictedLow() - range.low
    const rise = range.high - this.#predictedHigh()
    return Math.min(1, fall > 0 ? this.#fall / fall : 1, rise > 0 ? this.#rise / rise : 1)
  }

  /** `weight`: at most `weightOf` the term's range, and chosen without a look at the term. */
  add(term: number, weight: number): void {
    const falling = (weight * (term - this.#predictedLow())) / this.#fall
    const rising = (weight * (term - this.#predictedHigh())) / this.#rise
    this.#falling += falling * falling
    this.#rising += rising * rising
    this.#weight += weight
    this.#sum += weight * term
  }

  /** Undefined before the first term. */
  get mean(): number | undefined {
    return this.#weight > 0 ? this.#sum / this.#weight : undefined
  }

  /** Holds at all times at once with a chance of at least 1 − alpha; the whole range before the first term. */
  interval(alpha: number): Interval {
    const mean = this.mean
    if (mean === undefined) return this.#range
    const below = (this.#fall * strayBound(this.#falling, alpha / 2)) / this.#weight
    const above = (this.#rise * strayBound(this.#rising, alpha / 2)) / this.#weight
    return { low: this.#possible(mean - below), high: this.#possible(mean + above) }
  }

  state(): SequenceState {
    return { weight: this.#weight, sum: this.#sum, falling: this.#falling, rising: this.#rising }
  }

  /** Weighted single outcomes may average beyond what a mean can be; their interval does not. */
  #possible(mean: number): number {
    return Math.min(this.#range.high, Math.max(this.#range.low, mean))
  }

  /** One imagined term of 0 steadies the beginning. */
  #predicted(): number {
    return this.#sum / (this.#weight + 1)
  }

  #predictedLow(): number {
    return Math.min(this.#predicted(), -this.#range.low * PREDICTED_SHARE)
  }

  #predictedHigh(): number {
    return Math.max(this.#predicted(), -this.#range.high * PREDICTED_SHARE)
  }
}

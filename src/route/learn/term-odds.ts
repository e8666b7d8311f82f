import { Chance } from './chance.ts'
import { TERM_SPACE } from './terms.ts'
import type { Vector } from './vocabulary.ts'

/**
 * Passes over the rows. Few on purpose: there are more terms than rows, and stopping early keeps the weights of rare
 * terms small, as a penalty would.
 */
const PASSES = 3
const STEP = 0.05
/** What AdaGrad's sum of squares begins with, so that the first step is bounded. */
const SQUARES_START = 1e-2
const SHUFFLE_SEED = 20_261
/** A share is held this far from 0 and 1 before its odds are taken. */
const SHARE_EDGE = 1e-3

/** The logistic function. */
export function chanceOf(odds: number): number {
  return 1 / (1 + Math.exp(-odds))
}

/** ln(share / (1 - share)), for shares in [0, 1], the ends held at a finite distance. */
export function oddsOf(share: number): number {
  const held = Math.min(1 - SHARE_EDGE, Math.max(SHARE_EDGE, share))
  return Math.log(held / (1 - held))
}

/** Logistic regression over term vectors: the log odds that a model's answer is right. */
export class TermOdds {
  readonly weights: Float32Array
  readonly bias: number

  constructor(weights: Float32Array, bias: number) {
    this.weights = weights
    this.bias = bias
  }

  odds({ ids, values }: Vector): number {
    const { weights } = this
    let sum = this.bias
    for (let at = 0; at < ids.length; at++) sum += (weights[ids[at] ?? 0] ?? 0) * (values[at] ?? 0)
    return sum
  }

  /**
   * Fits by stochastic steps of AdaGrad (Duchi et al. 2011) in an order that only the number of rows determines, so
   * equal rows in equal order give equal weights. `targets[row]` in [0, 1] is the share of right answers.
   */
  static fit(rows: readonly Vector[], targets: Float64Array): TermOdds {
    const fitter = new Fitter(targets)
    const order = Uint32Array.from(rows.keys())
    const chance = new Chance(SHUFFLE_SEED)
    for (let pass = 0; pass < PASSES; pass++) {
      chance.shuffle(order)
      for (const row of order) {
        const vector = rows[row]
        if (vector !== undefined) fitter.step(vector, targets[row] ?? 0)
      }
    }
    return new TermOdds(fitter.weights, fitter.bias)
  }
}

class Fitter {
  readonly weights = new Float32Array(TERM_SPACE)
  readonly #squares = new Float32Array(TERM_SPACE).fill(SQUARES_START)
  #biasSquares = SQUARES_START
  bias: number

  constructor(targets: Float64Array) {
    let sum = 0
    for (const target of targets) sum += target
    this.bias = oddsOf(sum / Math.max(1, targets.length))
  }

  step({ ids, values }: Vector, target: number): void {
    const { weights } = this
    let odds = this.bias
    for (let at = 0; at < ids.length; at++) odds += (weights[ids[at] ?? 0] ?? 0) * (values[at] ?? 0)
    const slope = chanceOf(odds) - target
    this.#biasSquares += slope * slope
    this.bias -= (STEP * slope) / Math.sqrt(this.#biasSquares)
    const squares = this.#squares
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] ?? 0
      const change = slope * (values[at] ?? 0)
      const sum = (squares[id] ?? 0) + change * change
      squares[id] = sum
      weights[id] = (weights[id] ?? 0) - (STEP * change) / Math.sqrt(sum)
    }
  }
}

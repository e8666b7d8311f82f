import type { Evidence } from '../../contract/escalation.ts'
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
const STEPS_MAX = 25
const STEP_ENOUGH = 1e-6

/**
 * Weights for the evidence: logistic regression on (gain + 1) / 2 with the prior's log odds as offset, held near the
 * weights that it begins with, by Newton's steps. The same rows in any order give the same weights up to rounding.
 */
export function fitWeights(rows: readonly LearnedRow[], start: Weights): Weights {
  const points = rows.map(({ prior, evidence, gain }) => {
    return { columns: columnsOf(evidence), offset: oddsOfGain(prior), target: (gain + 1) / 2 }
  })
  const weights = [...start]
  for (let step = 0; step < STEPS_MAX; step++) {
    const slope = weights.map((weight, at) => RIDGE * (weight - (start[at] ?? 0)))
    const curve = weights.map((_, row) => weights.map((__, column): number => (row === column ? RIDGE : 0)))
    for (const { columns, offset, target } of points) {
      let odds = offset
      for (const [at, column] of columns.entries()) odds += column * (weights[at] ?? 0)
      const chance = 1 / (1 + Math.exp(-odds))
      const spread = Math.max(1e-6, chance * (1 - chance))
      for (const [at, column] of columns.entries()) {
        slope[at] = (slope[at] ?? 0) + (chance - target) * column
        const line = curve[at]
        if (line === undefined) continue
        for (const [other, value] of columns.entries())
          line[other] = (line[other] ?? 0) + spread * column * value
      }
    }
    const change = solved(curve, slope)
    for (const [at, value] of change.entries()) weights[at] = (weights[at] ?? 0) - value
    if (Math.max(...change.map(Math.abs)) < STEP_ENOUGH) break
  }
  return weights
}

/** Gauss' elimination of a small positive definite system. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const lines = matrix.map((line, at) => [...line, right[at] ?? 0])
  const size = right.length
  for (let pivot = 0; pivot < size; pivot++) {
    const own = lines[pivot] ?? []
    for (let row = pivot + 1; row < size; row++) {
      const line = lines[row] ?? []
      const factor = (line[pivot] ?? 0) / (own[pivot] ?? 1)
      for (let column = pivot; column <= size; column++) {
        line[column] = (line[column] ?? 0) - factor * (own[column] ?? 0)
      }
    }
  }
  const answer = new Array<number>(size).fill(0)
  for (let row = size - 1; row >= 0; row--) {
    const line = lines[row] ?? []
    let sum = line[size] ?? 0
    for (let column = row + 1; column < size; column++) sum -= (line[column] ?? 0) * (answer[column] ?? 0)
    answer[row] = sum / (line[row] ?? 1)
  }
  return answer
}

import { chanceOf } from './term-odds.ts'

const STEPS_MAX = 25
const STEP_ENOUGH = 1e-6
/** A row that is foretold with certainty still bends the curve this much, so that no step is endless. */
const SPREAD_MIN = 1e-6
const PIVOT_MIN = 1e-12

/** What a logistic regression is fitted to: rows of equal width, and a share in [0, 1] for each. */
export interface LogisticTask {
  readonly rows: readonly Float64Array[]
  readonly targets: Float64Array
  /** Log odds of each row that are no weight's matter; none where absent. */
  readonly offsets?: Float64Array
  /** The weights that the first step begins with. */
  readonly begin: Float64Array
  /** Per column, half the square of its weight's way from `towards` costs so much, in units of a row; above 0. */
  readonly penalties: Float64Array
  /** 0 where absent. */
  readonly towards?: Float64Array
}

/**
 * Ridge logistic regression by Newton's steps (iteratively reweighted least squares), at most STEPS_MAX of them. Returns
 * one weight per column. The same rows in the same order give the same weights to the bit.
 */
export function fitLogistic(task: LogisticTask): Float64Array {
  const { rows, targets, offsets, begin, penalties, towards } = task
  const width = begin.length
  const weights = begin.slice()
  for (let step = 0; step < STEPS_MAX; step++) {
    const slope = new Float64Array(width)
    const curve = Array.from({ length: width }, () => new Float64Array(width))
    for (const [at, row] of rows.entries())
      addRow({ row, offset: offsets?.[at] ?? 0, target: targets[at] ?? 0 }, weights, slope, curve)
    for (let at = 0; at < width; at++) {
      const penalty = penalties[at] ?? 0
      slope[at] = (slope[at] ?? 0) + penalty * ((weights[at] ?? 0) - (towards?.[at] ?? 0))
      const line = curve[at]
      if (line !== undefined) line[at] = (line[at] ?? 0) + penalty
    }
    const change = solve(curve, slope)
    let most = 0
    for (let at = 0; at < width; at++) {
      weights[at] = (weights[at] ?? 0) - (change[at] ?? 0)
      most = Math.max(most, Math.abs(change[at] ?? 0))
    }
    if (most < STEP_ENOUGH) break
  }
  return weights
}

interface Point {
  readonly row: Float64Array
  readonly offset: number
  readonly target: number
}

function addRow(
  { row, offset, target }: Point,
  weights: Float64Array,
  slope: Float64Array,
  curve: readonly Float64Array[],
): void {
  let odds = offset
  for (let at = 0; at < row.length; at++) odds += (row[at] ?? 0) * (weights[at] ?? 0)
  const chance = chanceOf(odds)
  const spread = Math.max(SPREAD_MIN, chance * (1 - chance))
  for (let at = 0; at < row.length; at++) {
    const value = row[at] ?? 0
    slope[at] = (slope[at] ?? 0) + (chance - target) * value
    const line = curve[at]
    if (line === undefined || value === 0) continue
    for (let other = 0; other <= at; other++)
      line[other] = (line[other] ?? 0) + spread * value * (row[other] ?? 0)
  }
}

/** Solves a symmetric positive definite system, given below its diagonal, by Cholesky's factors. */
function solve(matrix: readonly Float64Array[], right: Float64Array): Float64Array {
  const size = right.length
  const cell = (row: number, column: number): number => matrix[row]?.[column] ?? 0
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = cell(row, column)
      for (let at = 0; at < column; at++) sum -= cell(row, at) * cell(column, at)
      const line = matrix[row]
      if (line === undefined) continue
      line[column] = row === column ? Math.sqrt(Math.max(PIVOT_MIN, sum)) : sum / cell(column, column)
    }
  }
  const answer = right.slice()
  for (let row = 0; row < size; row++) {
    for (let at = 0; at < row; at++) answer[row] = (answer[row] ?? 0) - cell(row, at) * (answer[at] ?? 0)
    answer[row] = (answer[row] ?? 0) / cell(row, row)
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let at = row + 1; at < size; at++)
      answer[row] = (answer[row] ?? 0) - cell(at, row) * (answer[at] ?? 0)
    answer[row] = (answer[row] ?? 0) / cell(row, row)
  }
  return answer
}

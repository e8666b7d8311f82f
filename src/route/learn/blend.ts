import { Isotonic } from './isotonic.ts'
import { chanceOf, oddsOf } from './term-odds.ts'

/** Penalty on the squared weights of standardised columns, in units of a row. */
const RIDGE = 10
const STEPS_MAX = 25
const STEP_ENOUGH = 1e-6
/** Parts for the scores on which calibration is fitted: each from weights that have not seen its row. */
const CALIBRATION_PARTS = 5

/**
 * Joins a handful of figures into one expected gain: ridge logistic regression on `(gain + 1) / 2`, fitted by Newton's
 * steps, then isotonic calibration. Gain is P(strong right) - P(weak right), in [-1, 1].
 */
export class Blend {
  readonly means: Float64Array
  /** Per column, divided by its deviation; the last one is the bias. */
  readonly weights: Float64Array
  readonly calibration: Isotonic

  constructor(means: Float64Array, weights: Float64Array, calibration: Isotonic) {
    this.means = means
    this.weights = weights
    this.calibration = calibration
  }

  /** Log odds; orders requests, and is not calibrated. */
  score(row: Float64Array): number {
    return scoreOf(this, row)
  }

  /** The calibrated gain of a score. */
  gain(score: number): number {
    return this.calibration.at(score)
  }

  /** What each column adds to the score, beside a prompt with the mean of every column. */
  shares(row: Float64Array): Float64Array {
    return Float64Array.from(row, (value, at) => (value - (this.means[at] ?? 0)) * (this.weights[at] ?? 0))
  }

  /** Returns beside the blend each row's score by weights that have not seen it. */
  static fit(rows: readonly Float64Array[], gains: Float64Array): { blend: Blend; scores: Float64Array } {
    const scores = new Float64Array(rows.length)
    for (let part = 0; part < CALIBRATION_PARTS; part++) {
      const others = rows.map((_, at) => at).filter((at) => at % CALIBRATION_PARTS !== part)
      const line = fitLine(
        others.map((at) => rows[at] ?? new Float64Array()),
        Float64Array.from(others, (at) => gains[at] ?? 0),
      )
      for (let at = part; at < rows.length; at += CALIBRATION_PARTS)
        scores[at] = scoreOf(line, rows[at] ?? new Float64Array())
    }
    const { means, weights } = fitLine(rows, gains)
    return { blend: new Blend(means, weights, Isotonic.fit(scores, gains)), scores }
  }
}

interface Line {
  readonly means: Float64Array
  readonly weights: Float64Array
}

function scoreOf({ means, weights }: Line, row: Float64Array): number {
  let sum = weights[row.length] ?? 0
  for (let at = 0; at < row.length; at++) sum += ((row[at] ?? 0) - (means[at] ?? 0)) * (weights[at] ?? 0)
  return sum
}

function fitLine(rows: readonly Float64Array[], gains: Float64Array): Line {
  const width = rows[0]?.length ?? 0
  const { means, scales } = standardOf(rows, width)
  const standard = rows.map((row) => {
    const scaled = new Float64Array(width + 1).fill(1)
    for (let at = 0; at < width; at++) scaled[at] = ((row[at] ?? 0) - (means[at] ?? 0)) * (scales[at] ?? 0)
    return scaled
  })
  const weights = newton(
    standard,
    Float64Array.from(gains, (gain) => (gain + 1) / 2),
  )
  for (let at = 0; at < width; at++) weights[at] = (weights[at] ?? 0) * (scales[at] ?? 0)
  return { means, weights }
}

function standardOf(
  rows: readonly Float64Array[],
  width: number,
): { means: Float64Array; scales: Float64Array } {
  const means = new Float64Array(width)
  const squares = new Float64Array(width)
  for (const row of rows)
    for (let at = 0; at < width; at++) means[at] = (means[at] ?? 0) + (row[at] ?? 0) / rows.length
  for (const row of rows) {
    for (let at = 0; at < width; at++) {
      const from = (row[at] ?? 0) - (means[at] ?? 0)
      squares[at] = (squares[at] ?? 0) + (from * from) / rows.length
    }
  }
  // A column that never changes says nothing; its weight becomes 0.
  return { means, scales: squares.map((square) => (square > 1e-12 ? 1 / Math.sqrt(square) : 0)) }
}

/** Newton's steps on the penalised likelihood; the last column is the bias and bears no penalty. */
function newton(rows: readonly Float64Array[], targets: Float64Array): Float64Array {
  const width = rows[0]?.length ?? 1
  const weights = new Float64Array(width)
  let mean = 0
  for (const target of targets) mean += target / targets.length
  weights[width - 1] = oddsOf(mean)
  for (let step = 0; step < STEPS_MAX; step++) {
    const slope = new Float64Array(width)
    const curve = Array.from({ length: width }, () => new Float64Array(width))
    for (const [at, row] of rows.entries()) addRow(row, targets[at] ?? 0, weights, slope, curve)
    for (let at = 0; at < width; at++) {
      const penalty = at === width - 1 ? 1e-9 : RIDGE
      slope[at] = (slope[at] ?? 0) + penalty * (weights[at] ?? 0)
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

function addRow(
  row: Float64Array,
  target: number,
  weights: Float64Array,
  slope: Float64Array,
  curve: readonly Float64Array[],
): void {
  let odds = 0
  for (let at = 0; at < row.length; at++) odds += (row[at] ?? 0) * (weights[at] ?? 0)
  const chance = chanceOf(odds)
  const spread = Math.max(1e-6, chance * (1 - chance))
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
      line[column] = row === column ? Math.sqrt(Math.max(1e-12, sum)) : sum / cell(column, column)
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

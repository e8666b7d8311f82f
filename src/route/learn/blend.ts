import { Isotonic } from './isotonic.ts'
import { fitLogistic } from './logistic.ts'
import { oddsOf } from './term-odds.ts'

/** Penalty on the squared weights of standardised columns, in units of a row. */
const RIDGE = 10
const BIAS_PENALTY = 1e-9
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
  const targets = Float64Array.from(gains, (gain) => (gain + 1) / 2)
  const begin = new Float64Array(width + 1)
  let mean = 0
  for (const target of targets) mean += target / targets.length
  begin[width] = oddsOf(mean)
  const penalties = new Float64Array(width + 1).fill(RIDGE)
  // The last column is the bias and bears no penalty, but for what keeps the system solvable.
  penalties[width] = BIAS_PENALTY
  const weights = fitLogistic({ rows: standard, targets, begin, penalties })
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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { apgr, areaOverCost, callsFor, Ranking } from './ranking.ts'

/** Ten rows: the strong model gains on three, loses on one, and changes nothing on six. */
const OUTCOMES = {
  weak: Float64Array.of(0, 0, 0, 1, 1, 1, 1, 1, 0, 0),
  strong: Float64Array.of(1, 1, 1, 0, 1, 1, 1, 1, 0, 0),
}
const GAINS = OUTCOMES.strong.map((strong, at) => strong - (OUTCOMES.weak[at] ?? 0))
const near = (figure: number | undefined, wanted: number): void =>
  assert.ok(Math.abs((figure ?? Number.NaN) - wanted) < 1e-9, `${figure} is not ${wanted}`)

test('an oracle recovers more than the whole gap, and needs few calls', () => {
  const curve = new Ranking(GAINS).curve(OUTCOMES)
  // Qualities at 0, 10, …, 100 %: .5 .6 .7 .8 .8 .8 .8 .8 .8 .8 .7; the gap is .2.
  near(apgr(curve), (0.05 * (0.5 + 0.7) + 0.1 * (0.6 + 0.7 + 7 * 0.8) - 0.5) / 0.2)
  near(callsFor(curve, 0.5), 10)
  near(callsFor(curve, 0.8), 16)
})

test('rows of equal score are a coin: half the gap, half and four fifths of the calls, in any order', () => {
  const curve = new Ranking(new Float64Array(10)).curve(OUTCOMES)
  near(apgr(curve), 0.5)
  near(callsFor(curve, 0.5), 50)
  near(callsFor(curve, 0.8), 80)
})

test('where the strong model is not better there is no gap, and no figure', () => {
  const curve = new Ranking(GAINS).curve({ weak: OUTCOMES.strong, strong: OUTCOMES.weak })
  assert.deepEqual([apgr(curve), callsFor(curve, 0.5)], [undefined, undefined])
})

const ROWS = fc.array(
  fc.record({
    score: fc.integer({ min: 0, max: 4 }),
    weak: fc.constantFrom(0, 1),
    strong: fc.constantFrom(0, 1),
  }),
  { minLength: 2, maxLength: 40 },
)

test('no order of the rows changes the curve, and its ends are the two models alone', () => {
  fc.assert(
    fc.property(ROWS, (rows) => {
      const curveOf = (some: typeof rows) =>
        new Ranking(Float64Array.from(some, ({ score }) => score)).curve({
          weak: Float64Array.from(some, ({ weak }) => weak),
          strong: Float64Array.from(some, ({ strong }) => strong),
        })
      const curve = curveOf(rows)
      const other = curveOf(rows.toReversed())
      assert.ok(curve.qualities.every((quality, at) => Math.abs(quality - (other.qualities[at] ?? 9)) < 1e-9))
      const mean = (of: (row: (typeof rows)[number]) => number): number =>
        rows.reduce((sum, row) => sum + of(row), 0) / rows.length
      near(
        curve.qualities[0],
        mean(({ weak }) => weak),
      )
      near(
        curve.qualities.at(-1),
        mean(({ strong }) => strong),
      )
    }),
  )
})

test('a row that counts twice is two rows', () => {
  const twice = { weak: Float64Array.of(...OUTCOMES.weak, 0), strong: Float64Array.of(...OUTCOMES.strong, 1) }
  const weights = new Float64Array(10).fill(1)
  weights[0] = 2
  near(
    apgr(new Ranking(GAINS).curve(OUTCOMES, weights)),
    apgr(new Ranking(Float64Array.of(...GAINS, 1)).curve(twice)) ?? Number.NaN,
  )
})

test('AIQ is the area under the rising hull, flat to the end, and nothing below the cheapest point', () => {
  const points = [
    { cost: 1, quality: 0.5 },
    { cost: 2, quality: 0.4 },
    { cost: 3, quality: 0.9 },
    { cost: 2, quality: 0.6 },
  ]
  near(areaOverCost(points, 4), (2 * 0.7 + 0.9) / 4)
  near(areaOverCost([{ cost: 1, quality: 0.5 }], 2), 0.25)
})

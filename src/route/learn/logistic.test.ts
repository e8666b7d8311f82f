import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fitLogistic } from './logistic.ts'
import { chanceOf } from './term-odds.ts'

const even = Float64Array.of(0, 0)

test('weights that made the shares are found again, whatever the offsets', () => {
  const [first, second] = [0.7, -1.3]
  const rows = Array.from({ length: 400 }, (_, nth) => Float64Array.of(Math.sin(nth), Math.cos(3 * nth)))
  const offsets = Float64Array.from(rows, (_, nth) => (nth % 7) / 3 - 1)
  const targets = Float64Array.from(rows, ([left = 0, right = 0], nth) =>
    chanceOf((offsets[nth] ?? 0) + first * left + second * right),
  )
  const [one = 0, other = 0] = fitLogistic({
    rows,
    targets,
    offsets,
    begin: even,
    penalties: Float64Array.of(1e-9, 1e-9),
  })
  assert.ok(Math.abs(one - first) < 1e-6 && Math.abs(other - second) < 1e-6, `${one}, ${other}`)
})

test('a penalty holds weights where they are wanted, and where rows end at the least of the sum', () => {
  const point = fc.tuple(
    fc.double({ min: -3, max: 3, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  fc.assert(
    fc.property(
      fc.array(point, { maxLength: 30 }),
      fc.double({ min: -2, max: 2, noNaN: true }),
      (points, at) => {
        const rows = points.map(([value]) => Float64Array.of(value))
        const targets = Float64Array.from(points, ([, target]) => target)
        const towards = Float64Array.of(at)
        const penalties = Float64Array.of(5)
        const [weight = Number.NaN] = fitLogistic({ rows, targets, begin: towards, penalties, towards })
        const loss = (candidate: number): number =>
          points.reduce(
            (sum, [value, target]) => {
              const odds = value * candidate
              return sum + Math.log1p(Math.exp(odds)) - target * odds
            },
            2.5 * (candidate - at) ** 2,
          )
        assert.ok(loss(weight) <= loss(weight + 1e-3) + 1e-9 && loss(weight) <= loss(weight - 1e-3) + 1e-9)
        if (points.length === 0) assert.equal(weight, at)
      },
    ),
  )
})

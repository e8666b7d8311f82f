import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Isotonic } from './isotonic.ts'

const fit = (pairs: readonly (readonly [number, number])[]): Isotonic =>
  Isotonic.fit(
    Float64Array.from(pairs, ([score]) => score),
    Float64Array.from(pairs, ([, target]) => target),
  )

test('violators are pooled to their mean: the known answer of a small case', () => {
  const fitted = fit([
    [1, 1],
    [2, 3],
    [3, 2],
    [4, 2],
    [5, 5],
  ])
  assert.deepEqual([...fitted.levels], [1, 7 / 3, 5])
  assert.deepEqual([...fitted.scores], [1, 3, 5])
  assert.deepEqual([fitted.at(0), fitted.at(3), fitted.at(9)], [1, 7 / 3, 5])
  assert.ok(Math.abs(fitted.at(2) - (1 + 7 / 3) / 2) < 1e-12)
})

test('equal scores are one point, in whatever order their rows came', () => {
  assert.equal(
    fit([
      [1, 1],
      [1, 0],
      [1, 0],
    ]).at(1),
    1 / 3,
  )
})

const PAIRS = fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.constantFrom(-1, 0, 1)), {
  minLength: 1,
  maxLength: 80,
})

test('the map never falls, stays within the targets, and does not depend on the order of rows', () => {
  fc.assert(
    fc.property(PAIRS, (pairs) => {
      const fitted = fit(pairs)
      const steps = Array.from({ length: 90 }, (_, at) => fitted.at(-11 + at / 4))
      assert.ok(steps.every((step, at) => at === 0 || step >= (steps[at - 1] ?? 0) - 1e-12))
      assert.ok(steps.every((step) => Math.abs(step) <= 1 + 1e-12))
      const again = fit(pairs.toReversed())
      assert.ok(again.levels.every((level, at) => Math.abs(level - (fitted.levels[at] ?? 9)) < 1e-9))
    }),
  )
})

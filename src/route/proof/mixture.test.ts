import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { strayBound, wealth } from './mixture.ts'

test('wealth begins at 1, and the bound is the sum at which it reaches 1/alpha', () => {
  assert.ok(Math.abs(wealth(0, 0).log) < 1e-12)
  for (const variance of [0, 1e-9, 0.3, 7, 1e3, 1e7]) {
    for (const alpha of [0.5, 0.05, 1e-6]) {
      assert.ok(Math.abs(wealth(strayBound(variance, alpha), variance).log + Math.log(alpha)) < 1e-6)
    }
  }
})

test('no fair game of two outcomes makes wealth grow: one step of it has a mean of at most 1', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-3, max: 1, noNaN: true }),
      fc.double({ min: 1e-3, max: 50, noNaN: true }),
      (fall, rise) => {
        // Mean 0: it falls by `fall` with a chance of rise/(fall + rise).
        const grown = (term: number): number => Math.exp(wealth(term, term * term).log)
        const mean = (rise * grown(-fall) + fall * grown(rise)) / (fall + rise)
        assert.ok(mean <= 1 + 1e-12, String(mean))
      },
    ),
  )
})

test('a term that falls by more than 1 would break it, so the bound is needed', () => {
  const [fall, rise] = [3, 0.01]
  const grown = (term: number): number => Math.exp(wealth(term, 0).log)
  assert.ok((rise * grown(-fall) + fall * grown(rise)) / (fall + rise) > 1)
})

test('more variance and a smaller alpha allow a larger sum', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-3, max: 0.5, noNaN: true }),
      (variance, alpha) => {
        const bound = strayBound(variance, alpha)
        assert.ok(bound > 0)
        assert.ok(strayBound(variance + 1, alpha) > bound)
        assert.ok(strayBound(variance, alpha / 2) > bound)
      },
    ),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nthGreatest } from './greatest.ts'

test('the n-th greatest is what sorting finds, few or many, equal or not, small or large', () => {
  const share = fc.float({ min: 0, max: 1, noNaN: true })
  const value = fc.oneof(share, fc.constantFrom(0, 0.25, 1), fc.float({ min: 0, max: 2 ** 60, noNaN: true }))
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 600, size: 'max' }), fc.nat(), (list, chance) => {
      const values = Float32Array.from(list)
      const n = 1 + (chance % values.length)
      const before = values.slice()
      assert.equal(nthGreatest(values, n), values.slice().sort()[values.length - n])
      assert.deepEqual(values, before)
    }),
    { numRuns: 1_000 },
  )
})

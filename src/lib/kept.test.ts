import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { kept } from './kept.ts'

test('what is kept is what a filter keeps, each element is asked once, and a list that stays whole is not copied', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9)), fc.nat(10), (list, bound) => {
      const asked: number[] = []
      const some = kept(list, (one) => {
        asked.push(one)
        return one < bound
      })
      assert.deepEqual(asked, list)
      assert.deepEqual(
        some,
        list.filter((one) => one < bound),
      )
      assert.equal(some === list, some.length === list.length)
    }),
  )
})

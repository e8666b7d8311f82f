import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { costMicros } from './usage.ts'

const PRICE = { inputPerMillion: 1_000_000, outputPerMillion: 5_000_000, cachedInputPerMillion: 100_000 }

test('each part of a prompt has its own price: fresh, read from a cache, written to one for long or short', () => {
  const usage = {
    promptTokens: 10_000,
    completionTokens: 100,
    cachedTokens: 6_000,
    cacheWriteTokens: 3_000,
    cacheWriteHourTokens: 1_000,
  }
  assert.equal(costMicros(PRICE, usage), 1_000 + 600 + 2_500 + 2_000 + 500)
})

test('counts that exceed the prompt cost no more than the whole of it, written for an hour', () => {
  const count = fc.nat(10_000)
  const usage = fc.record(
    {
      promptTokens: count,
      completionTokens: count,
      cachedTokens: count,
      cacheWriteTokens: count,
      cacheWriteHourTokens: count,
    },
    { requiredKeys: ['promptTokens', 'completionTokens'] },
  )
  fc.assert(
    fc.property(usage, (one) => {
      const cost = costMicros(PRICE, one)
      assert.ok(Number.isInteger(cost) && cost >= 0)
      assert.ok(cost <= 2 * one.promptTokens + 5 * one.completionTokens + 1)
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listPrice, vendorOf } from './prices.ts'

test('a listed model has its vendor’s price, the exact version before the family', () => {
  assert.deepEqual(listPrice('gpt-4o-mini-2024-07-18'), { input: 0.15, output: 0.6 })
  assert.deepEqual(listPrice('gpt-4o-2024-05-13'), { input: 5, output: 15 })
  assert.deepEqual(listPrice('gpt-4o-2024-08-06'), { input: 2.5, output: 10 })
  assert.deepEqual(listPrice('claude-3-haiku-20240307'), { input: 0.25, output: 1.25 })
})

test('open weights are priced by their size, experts times their number', () => {
  const usd = (name: string): number | undefined => listPrice(name)?.input
  assert.deepEqual(
    ['Meta-Llama-3-8B-Instruct', 'Meta-Llama-3.1-70B-Instruct', 'gemma-2-2b-it', 'Mixtral-8x7B-v0.1'].map(
      usd,
    ),
    [0.2, 0.9, 0.1, 0.9],
  )
  assert.equal(usd('somebody-large'), undefined)
})

test('vendors are told apart, and unknown models count as vendors of their own', () => {
  assert.equal(vendorOf('gemini-1.5-flash'), vendorOf('gemma-2-9b-it'))
  assert.notEqual(vendorOf('gpt-4o-mini'), vendorOf('claude-3-haiku-20240307'))
  assert.notEqual(vendorOf('alpha'), vendorOf('beta'))
})

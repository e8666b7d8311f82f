import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TermReader } from './terms.ts'
import { heaviest, Vocabulary } from './vocabulary.ts'

const reader = new TermReader()
const PROMPTS = ['the red boat', 'the red house', 'the blue house', 'the green boat'].map((text) =>
  reader.read(text),
)
const vocabulary = Vocabulary.of(PROMPTS)
const vector = (text: string) => vocabulary.vector(reader.read(text))

test('a vector has length 1, and 0 where no term is known', () => {
  const { values } = vector('a red boat')
  assert.ok(Math.abs(values.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-6)
  assert.equal(vector('qqq').ids.length, 0)
})

test('what stands in every prompt, or in one alone, weighs nothing', () => {
  const known = new Set(vector('the red boat').ids)
  assert.ok(known.size > 0)
  const onlyThe = reader.read('the').ids
  assert.ok(onlyThe.every((id) => (vocabulary.rarity[id] ?? 0) < 0.25))
  const green = reader
    .read('green')
    .ids.filter((id) => !reader.read('the red boat blue house').ids.includes(id))
  assert.ok(green.every((id) => vocabulary.rarity[id] === 0))
})

test('the heaviest terms are the heaviest, in order, and never more than asked for', () => {
  const weights = fc.uniqueArray(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 60 }), (values, most) => {
      const all = { ids: Uint32Array.from(values.keys()), values: Float32Array.from(values) }
      const kept = heaviest(all, most)
      assert.equal(kept.ids.length, Math.min(most, values.length))
      const lost = values.filter((value) => !kept.values.includes(value))
      assert.ok(Math.max(0, ...lost) < Math.min(...kept.values))
      assert.deepEqual(kept.ids, kept.ids.toSorted())
    }),
  )
})

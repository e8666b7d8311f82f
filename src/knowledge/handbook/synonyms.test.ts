import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONCEPTS } from './concepts.ts'
import { synonyms } from './synonyms.ts'

test('every line of the concepts has words on both sides of one sign', () => {
  const wrong = CONCEPTS.trim()
    .split('\n')
    .filter((line) => !/^[^>]*[\w-] > [\w-][^>]*$/.test(line))
  assert.deepEqual(wrong, [])
})

test('a word is answered by the words of all its lines, and never by itself', () => {
  const found = synonyms()
    .get('credenti')
    ?.map((one) => one.raw)
  assert.ok(found?.includes('key') && found.includes('secret'))
  for (const [stem, others] of synonyms()) assert.ok(others.every((one) => one.stem !== stem))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEverydayStem } from './everyday.ts'
import { stemOf } from './words.ts'

test('everyday words are known in all their forms, and technical ones are none', () => {
  for (const word of ['basement', 'neighbours', 'wondering', 'kitchen']) {
    assert.equal(isEverydayStem(stemOf(word)), true, word)
  }
  for (const word of ['kafka', 'tokenizer', 'vram', 'rename', 'export']) {
    assert.equal(isEverydayStem(stemOf(word)), false, word)
  }
})

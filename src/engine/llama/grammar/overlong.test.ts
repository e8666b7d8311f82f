import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OverlongGuard } from './overlong.ts'

test('after a lone E0 or F0, the bytes that would make an overlong form are banned, and no others', () => {
  // Bytes as GPT-2 spells them: à is E0, ð is F0, Ģ is A0; Ī is 88, ľ is 9C.
  const tokens = ['a', 'à', 'ð', 'Ī', 'ľ', 'ł', '©', 'xà', 'Īa', 'Ã']
  const guard = new OverlongGuard(tokens, 'bytes')
  const named = (token: number) => guard.after(token).map((one) => tokens[one])
  assert.deepEqual(named(1), ['Ī', 'ľ', 'Īa'])
  assert.deepEqual(named(2), ['Ī', 'Īa'])
  assert.deepEqual(named(7), named(1))
  assert.deepEqual([named(0), named(9), guard.after(undefined)], [[], [], []])
  assert.equal(guard.after(1), guard.after(7))
})

test('SentencePiece spells single bytes in hex', () => {
  const guard = new OverlongGuard(['▁a', '<0xE0>', '<0x82>', '<0xA0>', '<0xF0>', '<0x8F>', 'à'], 'pieces')
  assert.deepEqual(guard.after(1), [2, 5])
  assert.deepEqual(guard.after(4), [2, 5])
  assert.deepEqual(guard.after(6), [])
})

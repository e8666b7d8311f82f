import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../contract/chat.ts'
import { promptTokensBound } from './worst-case.ts'

function bound(request: ChatRequest): number {
  return promptTokensBound({ request, bytes: Buffer.byteLength(JSON.stringify(request)) })
}

test('the bound is never below one token a byte of the text, in any language', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (texts) => {
      const messages = texts.map((content) => ({ role: 'user' as const, content }))
      const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      assert.ok(bound({ model: 'auto', messages }) >= textBytes)
    }),
  )
})

test('an image costs what images cost, not what its encoding weighs', () => {
  const url = `data:image/png;base64,${'A'.repeat(4_000_000)}`
  const messages: ChatRequest['messages'] = [
    { role: 'user', content: [{ type: 'image_url', image_url: { url } }] },
  ]
  const tokens = bound({ model: 'auto', messages })
  assert.ok(tokens > 16_000 && tokens < 20_000, String(tokens))
})

test('a file costs what it may hold, sent or only named: its pages may be compressed', () => {
  for (const file of [{ file_id: 'file-1' }, { file_data: 'data:application/pdf;base64,JVBERi0xLjQ=' }]) {
    const messages: ChatRequest['messages'] = [{ role: 'user', content: [{ type: 'file', file }] }]
    assert.ok(bound({ model: 'auto', messages }) > 250_000)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../contract/chat.ts'
import { cacheLifeOf, promptTokensBound } from './worst-case.ts'

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

test('tools bring words of the vendor’s own, however small they are', () => {
  const messages: ChatRequest['messages'] = [{ role: 'user', content: 'Hi' }]
  const tools: ChatRequest['tools'] = [{ type: 'function', function: { name: 'a' } }]
  const plain = { model: 'auto', messages }
  const bytes = Buffer.byteLength(JSON.stringify(plain))
  assert.ok(promptTokensBound({ request: { ...plain, tools }, bytes }) - bound(plain) >= 700)
})

test('the dearest mark of a prompt cache counts, wherever it stands', () => {
  const mark = (ttl?: string) => ({
    cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) },
  })
  const part = (more: object) => ({ type: 'text' as const, text: 'Hi', ...more })
  const request = (more: object, ...parts: readonly object[]): ChatRequest => {
    return { model: 'auto', messages: [{ role: 'user', content: parts.map(part) }], ...more }
  }
  assert.equal(cacheLifeOf(request({}, {})), undefined)
  assert.equal(cacheLifeOf(request({}, { cache_control: null })), undefined)
  assert.equal(cacheLifeOf(request({}, mark(), {})), '5m')
  assert.equal(cacheLifeOf(request({}, mark('1h'), mark('5m'))), '1h')
  assert.equal(cacheLifeOf(request(mark(), {})), '5m')
  // A life that nobody knows is held for as the dearest.
  assert.equal(cacheLifeOf(request({}, mark('1d'))), '1h')
  const tools = [{ type: 'function', function: { name: 'a' }, ...mark('1h') }]
  assert.equal(cacheLifeOf(request({ tools }, {})), '1h')
  const native = { dialect: 'messages', body: {}, messages: 1, betas: [], lost: [], cache: '1h' }
  assert.equal(cacheLifeOf(request({ native }, {})), '1h')
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FLOAT32_MAX, fromBase64, toBase64 } from './float32.ts'

test('every float32 comes back bit for bit, whatever it is', () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 50 }), (values) => {
      const back = fromBase64(toBase64(values))
      assert.ok(back)
      assert.deepEqual(new Uint8Array(back.buffer), new Uint8Array(Float32Array.from(values).buffer))
    }),
  )
})

test('the bytes are little-endian, as in OpenAI’s answers', () => {
  // 1.0 is 0x3f800000, −2.5 is 0xc0200000.
  const text = Buffer.from([0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]).toString('base64')
  assert.equal(toBase64(Float32Array.of(1, -2.5)), text)
  assert.deepEqual([...(fromBase64(text) ?? [])], [1, -2.5])
})

test('numbers of more digits are rounded to float32, and nothing else happens to them', () => {
  const [back] = fromBase64(toBase64(Float64Array.of(0.1))) ?? []
  assert.equal(back, Math.fround(0.1))
  assert.equal(Math.fround(FLOAT32_MAX), FLOAT32_MAX)
  assert.equal(Math.fround(FLOAT32_MAX * 1.0000001), Number.POSITIVE_INFINITY)
})

test('what is no base64, or no whole number of values, is told', () => {
  for (const text of ['AAAA', 'AACAPw', '!AACAPw==', 'AACA Pw==', '[0.1, 0.2]', 'AACAPw===']) {
    const expected = text === 'AACAPw' ? 1 : undefined
    assert.equal(fromBase64(text)?.length, expected, text)
  }
  assert.equal(fromBase64('')?.length, 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { windowsOf } from './windows.ts'

const WORDS = 'Ada Lovelace lives in the third house behind the mill, and keeps bees.'

function pieces(text: string): readonly string[] {
  return windowsOf(text).map((piece) => Buffer.from(piece).toString('utf8'))
}

test('a request is looked for by what it says, chat and embeddings alike, never by the JSON around it', () => {
  for (const body of [
    { model: 'a-model-of-some-length', messages: [{ role: 'user', content: WORDS }] },
    { model: 'a-model-of-some-length', input: WORDS },
    { model: 'a-model-of-some-length', input: ['short', WORDS] },
  ]) {
    const found = pieces(JSON.stringify(body))
    assert.ok(found.length >= 2)
    for (const piece of found) assert.ok(WORDS.includes(piece), piece)
  }
})

test('tokens say nothing that can be read, so they are looked for as they stand', () => {
  const body = JSON.stringify({ input: Array.from({ length: 40 }, (_, at) => at * 7_919) })
  const found = pieces(body)
  assert.ok(found.length > 0)
  const forms = [body, JSON.stringify(body)]
  for (const piece of found) assert.ok(forms.some((form) => form.includes(piece)))
})

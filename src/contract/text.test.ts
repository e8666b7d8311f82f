import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatRequest } from './chat.ts'
import { lastQuestion, textChars, textsOf } from './text.ts'

const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }
const request: ChatRequest = {
  model: 'auto',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'What is' }, image, { type: 'text', text: 'this?' }] },
    { role: 'assistant', content: null },
  ],
}

test('only texts count, whatever form the content has', () => {
  assert.deepEqual(request.messages.map(textsOf), [['Be brief.'], ['What is', 'this?'], []])
  assert.equal(textChars(request), 'Be brief.What isthis?'.length)
})

test('the last question is what the user said last, or nothing', () => {
  assert.equal(lastQuestion(request), 'What is\nthis?')
  assert.equal(lastQuestion({ ...request, messages: [{ role: 'system', content: 'x' }] }), '')
})

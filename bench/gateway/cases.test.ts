import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyText, casesOf, isAnswer } from './cases.ts'

test('each body is valid JSON of the size that its name says', () => {
  for (const one of casesOf(false)) {
    const text = bodyText(one, 'scripted/small')
    const missing = one.body.bytes - Buffer.byteLength(text)
    assert.ok(missing >= 0 && missing <= (one.body.chinese ? 2 : 0), `${one.body.name}: ${missing}`)
    assert.equal(JSON.parse(text).stream, one.kind !== 'json')
  }
})

test('an answer that is cut short is not taken for one', () => {
  const [json] = casesOf(true)
  const burst = casesOf(true).find(({ kind }) => kind === 'burst')
  assert.ok(json !== undefined && burst !== undefined)
  assert.ok(!isAnswer(json, '{"error":{"message":"no"}}'))
  const event = 'data: {"choices":[{"delta":{"content":"word word "}}]}\n\n'
  assert.ok(isAnswer(burst, `${event.repeat(50)}data: [DONE]\n\n`))
  assert.ok(!isAnswer(burst, `${event.repeat(20)}data: [DONE]\n\n`))
  assert.ok(!isAnswer(burst, event.repeat(50)))
})

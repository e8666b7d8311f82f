import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerEvent } from '../../contract/event.ts'
import { marginOf, withMargins, withoutMargins } from './margin.ts'

const token = (chosen: number, ...top: readonly number[]) => ({
  token: 'a',
  logprob: Math.log(chosen),
  top_logprobs: top.map((share) => ({ token: 'b', logprob: Math.log(share) })),
})

function chunk(...tokens: readonly object[]): AnswerEvent {
  const logprobs = { content: tokens, refusal: null }
  return {
    type: 'chunk-delta',
    wire: '{}',
    chunk: { choices: [{ index: 0, delta: { content: 'a' }, logprobs }] },
  }
}

test('the margin is the mean of what lies between the chosen token and the next', () => {
  const content = [chunk(token(0.9, 0.9, 0.1)), chunk(token(0.6, 0.6, 0.2), token(0.3, 0.5, 0.3))]
  // 0.8, 0.4, and 0 where a likelier one was not chosen.
  assert.ok(Math.abs((marginOf(content) ?? 0) - 0.4) < 1e-9)
})

test('two tokens that are equally likely have no margin between them', () => {
  assert.equal(marginOf([chunk(token(0.5, 0.5, 0.5))]), 0)
})

test('an engine that told none, or something else, tells nothing', () => {
  assert.equal(marginOf([]), undefined)
  assert.equal(marginOf([chunk()]), undefined)
  const odd: AnswerEvent = {
    type: 'chunk-delta',
    chunk: { choices: [{ index: 0, delta: {}, logprobs: 'none' }] },
  }
  assert.equal(marginOf([odd]), undefined)
})

test('what the caller did not ask for is asked for and taken out again', () => {
  const request = { model: 'a', messages: [] }
  assert.deepEqual(withMargins(request), { ...request, logprobs: true, top_logprobs: 2 })
  assert.equal(withMargins({ ...request, top_logprobs: 5 }).top_logprobs, 5)
  assert.deepEqual(withoutMargins([chunk(token(0.9, 0.9, 0.1))]), [
    { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta: { content: 'a' } }] } },
  ])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ChatRequest } from '../contract/chat.ts'
import type { ModelView } from '../contract/model.ts'
import { isRefusal } from '../contract/problem.ts'
import { asSpoken } from './native.ts'

function model(more: Partial<ModelView>): ModelView {
  return {
    id: 'one/small',
    engine: 'one',
    name: 'small',
    tier: 'fast',
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: undefined,
    enforcesSchema: false,
    ...more,
  }
}

const plain: ChatRequest = { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] }
const native = {
  dialect: 'messages',
  body: { model: 'auto' },
  messages: 1,
  betas: [],
  lost: ['thinking'],
} as const
const request: ChatRequest = { ...plain, top_k: 5, reasoning_effort: 'high', native }

test('an engine of the caller’s own dialect gets the very request, and so does every one of a chat request', () => {
  const own = asSpoken(request, model({ dialect: 'messages', offMachine: true }))
  assert.ok(!isRefusal(own))
  assert.equal(own.request, request)
  const chat = asSpoken(plain, model({ offMachine: true }))
  assert.ok(!isRefusal(chat))
  assert.equal(chat.request, plain)
  assert.deepEqual([own.verdicts, chat.verdicts], [[], []])
})

test('any other engine gets the translation alone, and what it may refuse is left out by name', () => {
  const here = asSpoken(request, model({}))
  assert.ok(!isRefusal(here))
  assert.deepEqual(here.request, { ...plain, top_k: 5 })
  const away = asSpoken(request, model({ offMachine: true }))
  assert.ok(!isRefusal(away))
  assert.deepEqual(away.request, plain)
  const details = away.verdicts.map(({ detail }) => detail?.split(' was left out')[0])
  assert.deepEqual(details, ['thinking', 'top_k'])
})

test('what no other engine can do without is refused there, with the caller’s own field', () => {
  const needs = { param: 'messages[0].content[1]', what: 'a document by its address' }
  const refused = asSpoken({ ...request, native: { ...native, needs } }, model({}))
  assert.ok(isRefusal(refused))
  assert.deepEqual([refused.problem.code, refused.problem.param], ['invalid_request', needs.param])
  assert.ok(
    !isRefusal(asSpoken({ ...request, native: { ...native, needs } }, model({ dialect: 'messages' }))),
  )
})

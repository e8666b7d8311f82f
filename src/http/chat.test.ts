import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../contract/ask.ts'
import type { AnswerFinish, AnswerWhole } from '../contract/event.ts'
import { isRefusal } from '../contract/problem.ts'
import { chatDialect } from './chat.ts'
import type { Body, Writer } from './dialect.ts'

const finish: AnswerFinish = { type: 'answer-finish', verdicts: [], costMicros: 3 }

async function writer(): Promise<Writer> {
  const body = {
    id: 'req_1',
    value: { model: 'auto', messages: [{ role: 'user', content: 'Hi' }] },
    bytes: 9,
  }
  const spoken = await chatDialect.read(body as Body)
  assert.ok(!isRefusal(spoken))
  const start = { type: 'answer-start', model: 'a/b', tier: 'fast', attempt: 1 }
  const plan = { mode: 'direct', reasons: ['it was asked for'], maxOutputTokens: 10 }
  return spoken.writer({ start, plan } as unknown as Answer)
}

function whole(text: string): AnswerWhole {
  return { type: 'answer-whole', completion: JSON.parse(text), wire: text }
}

test('an answer that nobody changed leaves in the engine’s own text, with one field more', async () => {
  const text = '{ "id": "c1",\n  "choices": [], "weight": 1.50 }\n'
  const { upshift } = JSON.parse((await writer()).whole(whole(text), finish))
  assert.equal(upshift.request_id, 'req_1')
  const own = text.slice(0, text.lastIndexOf('}'))
  assert.equal((await writer()).whole(whole(text), finish), `${own},"upshift":${JSON.stringify(upshift)}}\n`)
})

test('an engine that is an Upshift itself has its field replaced, and no name stands twice', async () => {
  const text = '{"upshift":{"request_id":"req_theirs"},"id":"c1","choices":[]}'
  const sent = (await writer()).whole(whole(text), finish)
  assert.equal(sent.split('"upshift"').length, 2)
  assert.equal(JSON.parse(sent).upshift.request_id, 'req_1')
})

test('what was changed, and what came in another dialect, is written anew', async () => {
  const { completion } = whole('{"id":"c2","choices":[]}')
  const foreign: AnswerWhole = {
    type: 'answer-whole',
    completion,
    wire: '{"type":"message"}',
    dialect: 'messages',
  }
  for (const answer of [{ type: 'answer-whole', completion } as const, foreign]) {
    const { upshift, ...rest } = JSON.parse((await writer()).whole(answer, finish))
    assert.deepEqual(rest, completion)
    assert.equal(upshift.cost_micros, 3)
  }
})

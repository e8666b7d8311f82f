import assert from 'node:assert/strict'
import { test } from 'node:test'
import { get } from './process/admin.ts'
import { chat, errorOf, send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { startUpstream, whole } from './process/upstream.ts'

/** Judgements of one request, as docs/api.md has them: so many are kept. */
const KEPT = 100

test('of one request no more judgements are kept than the bound, however many come at once', async () => {
  await using engine = await startUpstream()
  engine.answer((response) => whole(response, 'Here.'))
  await using server = await startServer({ config: configOf({ one: engineAt([engine.url]) }) })
  const asked = await chat(server, { model: 'one/small', messages: [{ role: 'user', content: 'Hello.' }] })
  const id = String(asked.headers['x-request-id'])
  const body = JSON.stringify({ request_id: id, score: 1 })
  const judge = () => send(server, { path: '/v1/feedback', body })
  const replies = await Promise.all(Array.from({ length: KEPT + 30 }, judge))
  const taken = replies.filter(({ status }) => status === 200)
  assert.equal(taken.length, KEPT)
  for (const reply of replies) {
    if (reply.status !== 200) assert.ok(['conflict', 'queue_full'].includes(errorOf(reply).code), reply.text)
  }
  assert.notEqual((await judge()).status, 200)
  const shown = JSON.parse((await get(server, `/v1/requests/${id}`)).text)
  assert.ok(shown.feedback.length <= KEPT, `${shown.feedback.length} are kept`)
})

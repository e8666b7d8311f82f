import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Caller } from '../../contract/caller.ts'
import { doors, KEY_A, OWNER, read } from './doors.fixture.ts'
import { answered, opened, ref, START, stamped, withChild } from './log.fixture.ts'

const NOW = START + 3_600_000

const entries = stamped([
  ...answered('req_1', { prompt: ref(0) }),
  ...answered('req_2', { key: 'key_b', subject: 'sub_b' }),
  ...withChild('req_3', { key: 'key_a' }, 'openai/big', 'expert'),
])
const texts = new Map([[0, '{"messages":[{"role":"user","content":"Where is the key to the cellar?"}]}']])
const place = doors({ entries, texts, now: NOW })
after(() => place.close())

async function get(path: string, caller: Caller = OWNER) {
  return read(await place.call('GET', path, undefined, caller))
}

function idsOf(body: Readonly<Record<string, unknown>>): unknown[] {
  assert.ok(Array.isArray(body['data']))
  return body['data'].map((one: { id: string }) => one.id)
}

test('a key sees its own requests, the owner sees all', async () => {
  assert.deepEqual(idsOf((await get('/v1/requests')).body), ['req_3', 'req_2', 'req_1'])
  assert.deepEqual(idsOf((await get('/v1/requests', KEY_A)).body), ['req_3', 'req_1'])
  assert.equal((await get('/v1/requests/req_2', KEY_A)).status, 404)
  assert.equal((await get('/v1/requests/req_2')).status, 200)
  assert.equal((await get('/v1/requests?key=key_b', KEY_A)).status, 403)
  const usage = await get('/v1/usage?by=key', KEY_A)
  assert.deepEqual(
    (usage.body['data'] as { key: string }[]).map(({ key }) => key),
    ['key_a'],
  )
})

test('pages go on by the cursor that a page gave', async () => {
  const first = (await get('/v1/requests?limit=2')).body
  assert.deepEqual(idsOf(first), ['req_3', 'req_2'])
  const second = (await get(`/v1/requests?limit=2&cursor=${first['nextCursor']}`)).body
  assert.deepEqual(idsOf(second), ['req_1'])
  assert.equal(second['nextCursor'], null)
})

test('a parameter that is not known or cannot be read is refused and named', async () => {
  const wrong: [string, string][] = [
    ['modle=x', 'modle'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['since=yesterday', 'since'],
    ['until=0', 'until'],
    ['since=1h&until=2h', 'until'],
    ['cursor=abc', 'cursor'],
    ['outcome=fine', 'outcome'],
  ]
  for (const [query, param] of wrong) {
    const { status, body } = await get(`/v1/requests?${query}`)
    assert.equal(status, 400, query)
    assert.equal((body['error'] as { param: string }).param, param)
  }
  assert.equal((await get('/v1/usage?by=color')).status, 400)
  assert.equal((await get('/v1/usage?by=key,key')).status, 400)
})

test('texts are shown where they are asked for, and searched by the owner alone', async () => {
  assert.equal((await get('/v1/requests/req_1')).body['prompt'], undefined)
  const shown = await get('/v1/requests/req_1?text=true', KEY_A)
  assert.equal((shown.body['prompt'] as { state: string }).state, 'text')
  const found = await get('/v1/requests?q=CELLAR+key')
  assert.equal((found.body['data'] as unknown[]).length, 1)
  assert.equal((await get('/v1/requests?q=cellar', KEY_A)).status, 403)
})

async function judge(body: unknown, caller: Caller = KEY_A, at = place) {
  return read(await at.call('POST', '/v1/feedback', body, caller))
}

test('feedback is recorded for the request’s subject, its text kept under that subject’s name', async () => {
  const { status, body } = await judge({ request_id: 'req_1', score: -0.5, correction: 'Under the stone.' })
  assert.equal(status, 200)
  assert.match(String(body['id']), /^fb_/)
  const last = place.recorded.at(-1)
  assert.deepEqual(last?.entry, {
    type: 'feedback',
    id: body['id'],
    request: 'req_1',
    key: 'key_a',
    subject: 'sub_a',
    score: -0.5,
  })
  assert.deepEqual(last?.keep, { subject: 'anna', text: '{"correction":"Under the stone."}' })
  await judge({ request_id: 'req_1', score: 1 })
  assert.equal(place.recorded.at(-1)?.keep, undefined)
})

test('feedback that says nothing, too much, or speaks of what is not the caller’s, is refused', async () => {
  for (const body of [
    { request_id: 'req_1' },
    { request_id: 'req_1', comment: 'hm' },
    { request_id: 'req_1', score: 2 },
    { request_id: 'req_1', score: 1, stars: 5 },
    { score: 1 },
  ]) {
    assert.equal((await judge(body)).status, 400, JSON.stringify(body))
  }
  assert.equal((await judge({ request_id: 'req_2', score: 1 })).status, 404)
  assert.equal((await judge({ request_id: 'req_none', score: 1 })).status, 404)
  assert.equal((await judge({ request_id: 'req_2', score: 1 }, OWNER)).status, 200)
})

test('a correction is refused where its text could not be kept or its subject is erased', async () => {
  const without = doors({ entries, keepsTexts: false, now: NOW })
  assert.equal((await judge({ request_id: 'req_1', correction: 'no' }, KEY_A, without)).status, 409)
  assert.equal((await judge({ request_id: 'req_1', score: 1 }, KEY_A, without)).status, 200)
  without.close()
  assert.equal((await judge({ request_id: 'req_2', correction: 'no' }, OWNER)).status, 409)
})

test('feedback right after an answer waits until the record has reached the tables', async () => {
  const late = doors({ entries: stamped([opened('req_0')]), late: stamped(answered('req_9'), 1), now: NOW })
  assert.equal((await judge({ request_id: 'req_9', score: 1 }, KEY_A, late)).status, 200)
  late.close()
})

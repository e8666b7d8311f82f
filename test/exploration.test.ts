import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Closed } from '../src/contract/entry.ts'
import { type RoutingReply, routingReply } from '../src/route/online/report.ts'
import { get, makeKey } from './process/admin.ts'
import { readLog } from './process/log.ts'
import { chat, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream, type Upstream, whole } from './process/upstream.ts'

/** What going up is worth is learned from requests that a lot chooses, and is known again after a restart. */

const held = new AsyncDisposableStack()
let cheap: Upstream
let strong: Upstream
let judge: Upstream

before(async () => {
  cheap = held.use(await startUpstream(['qwen-small']))
  strong = held.use(await startUpstream(['gpt-large']))
  judge = held.use(await startUpstream(['judge']))
  cheap.answer((response, received) => respond(response, received, ['The answer is 42.']))
  strong.answer((response, received) => respond(response, received, ['The answer is 43.']))
  judge.answer((response, received) => {
    const put = JSON.stringify(received.body['messages'])
    const first = put.indexOf('answer is 43') < put.indexOf('answer is 42')
    respond(response, received, [`The right one is 43.\nVERDICT: ${first ? 1 : 2}`])
  })
})
after(() => held.disposeAsync())

const engine = ({ url }: Upstream, name: string, tier: string, usd: number) => ({
  kind: 'openai-compatible',
  urls: [url],
  models: [{ name, tier, price: { input: usd, output: usd } }],
})

function settings(more: Readonly<Record<string, unknown>>, explore: Readonly<Record<string, unknown>> = {}) {
  const engines = {
    a: engine(cheap, 'qwen-small', 'fast', 0.1),
    z: engine(strong, 'gpt-large', 'expert', 2),
    j: engine(judge, 'judge', 'mid', 0.5),
  }
  const escalation = {
    worthUsd: 0.05,
    second: false,
    explore: { share: 1, usdPerDay: 100, ...explore },
    ...more,
  }
  return configOf(engines, { route: { escalation } })
}

const ASKED = 120

async function askMany(server: RunningServer, headers = {}): Promise<readonly Closed[]> {
  for (let nth = 0; nth < ASKED; nth++) {
    const content = `What is ${nth} times 3, plus 4, minus 5?`
    const body = { model: 'auto', max_tokens: 200, messages: [{ role: 'user', content }] }
    const { status, text } = await chat(server, body, headers)
    assert.equal(status, 200, text)
  }
  return readLog(server.home).filter((entry): entry is Closed => entry.type === 'closed')
}

async function report(server: RunningServer): Promise<RoutingReply['segments'][number]> {
  const { segments } = routingReply.parse(JSON.parse((await get(server, '/v1/admin/routing')).text))
  const [one, ...more] = segments
  assert.ok(one !== undefined && more.length === 0, 'all questions are of one kind')
  return one
}

test('a lot gives some requests to one model or the other, feedback labels them, and a restart knows it all', async () => {
  let server = held.use(await startServer({ config: settings({}) }))
  const closed = await askMany(server)
  const drawn = closed.filter(({ judged }) => judged?.drawn !== undefined)
  const arms = new Set(drawn.map(({ judged }) => judged?.drawn?.arm))
  assert.ok(drawn.length >= 2 && drawn.length < ASKED / 2, `${drawn.length} of ${ASKED} were drawn`)
  for (const { judged, model } of drawn) {
    assert.deepEqual([judged?.drawn?.drawn, judged?.drawn?.propensity], [0.1, 0.5])
    assert.equal(model, judged?.drawn?.arm === 'cheap' ? 'a/qwen-small' : 'z/gpt-large')
  }
  assert.ok(![...arms].includes('both'))
  for (const { id } of closed) {
    const body = JSON.stringify({ request_id: id, score: 1 })
    assert.equal((await send(server, { path: '/v1/feedback', body })).status, 200)
  }
  const before = await report(server)
  assert.equal(before.labels, drawn.length, 'what no lot chose is no label')
  assert.equal(before.state, 'unknown')
  assert.ok(before.calls >= drawn.length)
  const { home } = server
  await server.kill()
  server = held.use(await startServer({ config: settings({}), home }))
  assert.deepEqual({ ...(await report(server)), reason: '' }, { ...before, reason: '' })
})

test('with an evaluator both models answer, the verdict is on record, and the caller gets one answer', async () => {
  const server = held.use(await startServer({ config: settings({ evaluator: 'j/judge' }) }))
  const closed = await askMany(server)
  const pairs = closed.filter(({ judged }) => judged?.drawn?.arm === 'both')
  assert.ok(pairs.length >= 2, `${pairs.length} pairs`)
  for (const { judged } of pairs) {
    assert.deepEqual(
      [judged?.compared?.cheap, judged?.compared?.strong, judged?.compared?.by],
      [0, 1, 'evaluator'],
    )
    assert.ok((judged?.compared?.strongMicros ?? 0) > (judged?.compared?.cheapMicros ?? 0))
  }
  const seen = await report(server)
  assert.deepEqual([seen.labels, seen.harmful], [pairs.length, 0])
  assert.ok((seen.netMicros.estimate ?? 0) > 0)
})

test('a key that may not use the evaluator is not shown to it, and one of the two models answers', async () => {
  const server = held.use(await startServer({ config: settings({ evaluator: 'j/judge' }) }))
  const narrow = JSON.stringify({ name: 'narrow', models: ['a/*', 'z/*'] })
  const made = JSON.parse((await send(server, { path: '/v1/admin/keys', body: narrow })).text)
  const before = judge.received.length
  const closed = await askMany(server, { authorization: `Bearer ${made.secret}` })
  const arms = new Set(closed.map(({ judged }) => judged?.drawn?.arm))
  assert.ok(arms.has('cheap') || arms.has('strong'))
  assert.deepEqual([arms.has('both'), judge.received.length], [false, before])
})

test('a lot never costs a caller its answer: what its budget does not hold is answered by the cheap model', async () => {
  const server = held.use(await startServer({ config: settings({}) }))
  const poor = await makeKey(server, 'poor', { usdPerDay: 0.0004 })
  const closed = await askMany(server, poor.headers)
  const drawn = closed.flatMap(({ judged }) => judged?.drawn ?? [])
  assert.ok(closed.some(({ judged }) => judged !== undefined))
  assert.ok(
    drawn.every(({ arm }) => arm === 'cheap'),
    'an answer of another model is no label',
  )
})

test('an answer that is withheld stays withheld where a lot has let both models answer', async () => {
  const more = { evaluator: 'j/judge', worthUsd: 0.000_01, abstain: true }
  cheap.answer((response) => {
    const message = { role: 'assistant', content: 'The answer is 42.' }
    whole(response, '', { choices: [{ index: 0, message, finish_reason: 'length' }] })
  })
  const server = held.use(await startServer({ config: settings(more) }))
  const closed = await askMany(server)
  cheap.answer((response, received) => respond(response, received, ['The answer is 42.']))
  const pairs = closed.filter(({ judged }) => judged?.drawn?.arm === 'both')
  assert.ok(pairs.length >= 2, `${pairs.length} pairs`)
  for (const { outcome, judged } of pairs) assert.deepEqual([outcome, judged?.done], ['declined', 'abstain'])
  assert.equal((await report(server)).labels, pairs.length)
})

test('models that say the same need no evaluator', async () => {
  strong.answer((response, received) => respond(response, received, ['**The answer is 42**']))
  judge.answer(() => assert.fail('nobody is asked'))
  const server = held.use(await startServer({ config: settings({ evaluator: 'j/judge' }) }))
  await askMany(server)
  const seen = await report(server)
  assert.ok(seen.labels > 0)
  assert.deepEqual([seen.wasted, judge.received.length], [seen.labels, 0])
})

test('the money of a day is spent once, however often the server is started', async () => {
  const config = settings({}, { usdPerDay: 0.0015 })
  let server = held.use(await startServer({ config }))
  let closed: readonly Closed[] = []
  for (const round of [1, 2]) {
    closed = await askMany(server)
    assert.ok(closed.length >= round * ASKED)
    const { home } = server
    await server.kill()
    server = held.use(await startServer({ config, home }))
  }
  const drawn = closed.flatMap(({ judged }) => judged?.drawn ?? [])
  assert.ok(drawn.length > 0)
  assert.ok(drawn.reduce((sum, { heldMicros = 0 }) => sum + heldMicros, 0) <= 1_500)
  assert.equal(drawn.length, Math.floor(1_500 / Math.min(...drawn.map(({ heldMicros = 0 }) => heldMicros))))
})

test('keys that opted out, and a day without money for it, are never drawn', async () => {
  for (const explore of [{ exceptKeys: ['key_owner'] }, { usdPerDay: 0 }, { share: 0 }]) {
    const server = held.use(await startServer({ config: settings({}, explore) }))
    const closed = await askMany(server)
    await until('all are on record', () => closed.length === ASKED)
    assert.deepEqual(
      closed.filter(({ judged }) => judged?.drawn !== undefined),
      [],
    )
  }
})

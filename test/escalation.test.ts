import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, beforeEach, describe, test } from 'node:test'
import { get, type Made, makeKey, shownKey } from './process/admin.ts'
import { entriesOf, readLog } from './process/log.ts'
import { chat, errorOf, eventsOf, type Reply, send, textOf } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply,
  respond,
  type Script,
  startUpstream,
  streamHead,
  type Upstream,
} from './process/upstream.ts'

/** `auto` between two tiers: the cheap answer is looked at before it leaves, and what was made of it is on record. */

const QUESTION = 'Prove that there are infinitely many primes of the form 4k+3, and give their density.'
const held = new AsyncDisposableStack()
let cheap: Upstream
let second: Upstream
let strong: Upstream
let server: RunningServer
let key: Made

const engine = ({ url }: Upstream, name: string, tier: string, usd: number) => ({
  kind: 'openai-compatible',
  urls: [url],
  models: [{ name, tier, price: { input: usd, output: usd } }],
})

/** Worth enough that the evidence decides, and never so much or little that the prompt alone does. */
const ESCALATION = { worthUsd: 0.01, sure: 1_000, patienceMs: 2_000, explore: { share: 0 } }

async function serve(escalation: Readonly<Record<string, unknown>>): Promise<RunningServer> {
  const engines = {
    a: engine(cheap, 'qwen-small', 'fast', 0.1),
    b: engine(second, 'llama-small', 'fast', 0.1),
    z: engine(strong, 'gpt-large', 'expert', 2),
  }
  const config = configOf(engines, { route: { escalation: { ...ESCALATION, ...escalation } } })
  return held.use(await startServer({ config }))
}

before(async () => {
  cheap = held.use(await startUpstream(['qwen-small']))
  second = held.use(await startUpstream(['llama-small']))
  strong = held.use(await startUpstream(['gpt-large']))
  server = await serve({})
  key = await makeKey(server, 'rich', { usdPerDay: 1_000 })
})
after(() => held.disposeAsync())

const says =
  (...pieces: string[]): Script =>
  (response, received) =>
    respond(response, received, pieces)

beforeEach(() => {
  cheap.answer(says('The answer is ', '42.'))
  second.answer(says('So the final answer is 42'))
  strong.answer(says('The answer', ' is 43.'))
})

function ask(
  on: RunningServer = server,
  more: object = {},
  headers: Made['headers'] = key.headers,
): Promise<Reply> {
  const body = { model: 'auto', messages: [{ role: 'user', content: QUESTION }], max_tokens: 500, ...more }
  return chat(on, body, on === server ? headers : {})
}

function told(answered: Reply, on: RunningServer = server) {
  assert.equal(answered.status, 200, answered.text)
  const id = String(answered.headers['x-request-id'])
  const [closed] = entriesOf(on.home, 'closed', id)
  const causes = entriesOf(on.home, 'attempt', id).map(({ model, cause }) => `${model} ${cause}`)
  const settled = readLog(on.home).flatMap((entry) =>
    (entry.type === 'attempt' || entry.type === 'closed') && entry.id === id ? (entry.settled ?? []) : [],
  )
  const { judged } = closed ?? {}
  assert.ok(judged !== undefined, 'what was judged is on record')
  return { id, closed, causes, judged, settled, reason: String(answered.headers['x-upshift-reason']) }
}

async function nothingReserved(): Promise<void> {
  const { usdReserved, requestsUnderWay } = (await shownKey(server, key.id)).spent
  assert.deepEqual([usdReserved, requestsUnderWay], [0, 0])
}

for (const stream of [false, true]) {
  describe(stream ? 'streamed' : 'whole', () => {
    const said = (answered: Reply): string =>
      stream ? textOf(answered) : JSON.parse(answered.text).choices[0].message.content

    test('two cheap models that agree are believed, and nobody above is asked', async () => {
      const answered = await ask(server, { stream })
      const { causes, judged, closed, settled, reason } = told(answered)
      assert.equal(said(answered), 'The answer is 42.')
      assert.deepEqual(causes.sort(), ['a/qwen-small first', 'b/llama-small evidence'])
      assert.deepEqual([judged.action, judged.done, judged.evidence?.agrees], ['accept', 'accept', true])
      assert.match(reason, /a second model agrees/)
      assert.equal(settled.length, 2)
      assert.equal(
        closed?.costMicros,
        settled.reduce((sum, one) => sum + (one.costMicros ?? 0), 0),
      )
      assert.equal(closed?.chargedMicros, closed?.costMicros)
      assert.equal(strong.received.length, 0)
      await nothingReserved()
    })

    test('where they differ the strong model answers, and all three stand in the record with their costs', async () => {
      second.answer(says('The final answer is 17'))
      const answered = await ask(server, { stream })
      const { causes, judged, closed, settled, reason } = told(answered)
      assert.equal(said(answered), 'The answer is 43.')
      assert.deepEqual(causes.slice(0, 2).sort(), ['a/qwen-small first', 'b/llama-small evidence'])
      assert.equal(causes[2], 'z/gpt-large escalate')
      assert.deepEqual([judged.action, judged.done, judged.evidence?.agrees], ['escalate', 'escalate', false])
      assert.ok(judged.gain > judged.prior)
      assert.match(
        reason,
        /expected gain 0\.\d\d \(0\.\d\d before, a second model differs\) is worth \$0\.\d+ and costs/,
      )
      assert.equal(answered.headers['x-upshift-model'], 'z/gpt-large')
      assert.equal(closed?.model, 'z/gpt-large')
      assert.deepEqual(
        settled.map(({ outcome }) => outcome),
        ['ok', 'ok', 'ok'],
      )
      assert.equal(
        closed?.costMicros,
        settled.reduce((sum, one) => sum + (one.costMicros ?? 0), 0),
      )
      await nothingReserved()
    })

    test('a cheap model that fails is no answer to look at: the strong one is asked', async () => {
      cheap.answer((response) => reply(response, 400, { error: { message: 'not me' } }))
      const answered = await ask(server, { stream })
      assert.equal(said(answered), 'The answer is 43.')
      assert.match(told(answered).judged.reason, /gave no answer/)
    })

    test('a strong model that fails leaves the cheap answer, and says so', async () => {
      second.answer(says('The final answer is 17'))
      strong.answer((response) => reply(response, 400, { error: { message: 'not now' } }))
      const answered = await ask(server, { stream })
      const { judged, closed } = told(answered)
      assert.equal(said(answered), 'The answer is 42.')
      assert.deepEqual([judged.action, judged.done], ['escalate', 'accept'])
      assert.ok(
        closed?.verdicts?.some(({ check, outcome }) => check === 'escalation' && outcome === 'failed'),
      )
      assert.match(judged.reason, /could not answer/)
      await nothingReserved()
    })
  })
}

test('a second model that is too late does not decide, and nothing of it stays reserved', async () => {
  const quick = await serve({ patienceMs: 0 })
  second.answer(() => undefined)
  const answered = await ask(quick)
  const { judged, settled } = told(answered, quick)
  assert.equal(judged.evidence?.agrees, undefined)
  assert.deepEqual(
    settled.map(({ model, outcome }) => `${model} ${outcome}`).sort()[1],
    'b/llama-small client_closed',
  )
})

test('a caller who leaves while the answer is looked at is closed in the record, with every turn settled', async () => {
  const asked = Promise.withResolvers<void>()
  cheap.answer(() => asked.resolve())
  const seen = new Set(readLog(server.home).flatMap((entry) => ('id' in entry ? [entry.id] : [])))
  const body = JSON.stringify({
    model: 'auto',
    messages: [{ role: 'user', content: QUESTION }],
    max_tokens: 500,
  })
  const out = request(server.address, {
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { ...key.headers, 'content-type': 'application/json' },
    agent: false,
  })
  // It is destroyed on purpose.
  out.once('error', () => undefined)
  out.end(body)
  await asked.promise
  out.destroy()
  const closed = () => readLog(server.home).find((entry) => entry.type === 'closed' && !seen.has(entry.id))
  await until('its record is closed', () => closed() !== undefined)
  const entry = closed()
  assert.equal(entry?.type === 'closed' && entry.outcome, 'aborted')
  await nothingReserved()
})

test('a strong model that dies in mid-answer ends it with one error: the cheap answer cannot be told any more', async () => {
  second.answer(says('The final answer is 17'))
  strong.answer((response) => {
    streamHead(response)
    response.write(event({ role: 'assistant', content: 'There are infinitely many, and this is why. ' }))
    setTimeout(() => response.destroy(), 50)
  })
  const answered = await ask(server, { stream: true })
  const errors = eventsOf(answered).filter((one) => Object(one).error !== undefined)
  assert.equal(errors.length, 1, answered.text)
  assert.equal(told(answered).closed?.outcome, 'failed')
})

test('a key whose budget does not hold the strong model gets the cheap answer', async () => {
  const poor = await makeKey(server, 'poor', { usdPerDay: 0.0003 })
  second.answer(says('The final answer is 17'))
  const answered = await ask(server, {}, poor.headers)
  assert.equal(JSON.parse(answered.text).choices[0].message.content, 'The answer is 42.')
})

test('a strong model that is asked at once and cannot answer leaves it to a cheap one', async () => {
  const sure = await serve({ worthUsd: 100, sure: 1 })
  const poor = await makeKey(sure, 'poor', { usdPerDay: 0.0005 })
  const body = { model: 'auto', messages: [{ role: 'user', content: QUESTION }], max_tokens: 500 }
  const dear = await chat(sure, body, poor.headers)
  assert.deepEqual([dear.status, dear.headers['x-upshift-model']], [200, 'a/qwen-small'], dear.text)
  strong.answer((response) => reply(response, 500, { error: { message: 'down' } }))
  const down = await ask(sure)
  assert.deepEqual([down.status, down.headers['x-upshift-tier']], [200, 'fast'], down.text)
})

test('a key that may use one tier alone is never sent up', async () => {
  const body = JSON.stringify({ name: 'narrow', tiers: ['fast'] })
  const { secret } = JSON.parse((await chatless('/v1/admin/keys', body)).text)
  const answered = await ask(server, {}, { authorization: `Bearer ${secret}` })
  const [closed] = entriesOf(server.home, 'closed', String(answered.headers['x-request-id']))
  assert.equal(closed?.judged, undefined)
  assert.equal(strong.received.length, 0)
})

test('an engine that tells how sure it is of each token is asked, and the caller sees none of it', async () => {
  const settings = { ...engine(cheap, 'qwen-small', 'fast', 0.1), kind: 'vllm' }
  const engines = { a: settings, z: engine(strong, 'gpt-large', 'expert', 2) }
  const config = configOf(engines, { route: { escalation: ESCALATION } })
  const sure = held.use(await startServer({ config }))
  const shares = [0.9, 0.1].map((share) => ({ token: 'x', logprob: Math.log(share) }))
  const logprobs = { content: [{ token: 'x', logprob: Math.log(0.9), top_logprobs: shares }] }
  cheap.answer((response) => {
    const message = { role: 'assistant', content: 'It is 42.' }
    reply(response, 200, { choices: [{ index: 0, message, logprobs, finish_reason: 'stop' }] })
  })
  strong.answer(says('It is 42.'))
  const { judged } = told(await ask(sure), sure)
  assert.ok(Math.abs((judged.evidence?.margin ?? 0) - 0.8) < 1e-6)
  assert.equal(cheap.received[0]?.body['logprobs'], true)
  const calm = held.use(
    await startServer({
      config: configOf(engines, { route: { escalation: { ...ESCALATION, worthUsd: 0.0001 } } }),
    }),
  )
  const kept = await ask(calm)
  assert.equal(told(kept, calm).judged.done, 'accept')
  assert.equal(JSON.parse(kept.text).choices[0].logprobs, null)
})

test('what the prompt alone decides counts in the report, and the record shows how an answer was judged', async () => {
  const straight = await serve({ worthUsd: 100, sure: 1 })
  const answered = await ask(straight)
  assert.equal(answered.headers['x-upshift-model'], 'z/gpt-large', answered.text)
  const body = { messages: [{ role: 'user', content: 'Name three rivers of Norway, please.' }] }
  const kept = await ask(await serve({ worthUsd: 0.000_01, sure: 1, mode: 'on' }), body)
  assert.equal(kept.headers['x-upshift-tier'], 'fast')
  const { segments } = JSON.parse((await get(straight, '/v1/admin/routing')).text)
  const [one] = segments
  assert.deepEqual([one.calls, one.straightUp, one.straightDown, one.escalated], [1, 1, 0, 0])
  assert.equal(one.tokenShare.expert, 1)
  const shown = async (on: RunningServer, reply: Reply) =>
    JSON.parse((await get(on, `/v1/requests/${reply.headers['x-request-id']}`)).text)
  const direct = await shown(straight, answered)
  assert.deepEqual([direct.judged, direct.plan.decided.to], [null, 'strong'])
  const judged = (await shown(server, await ask())).judged
  assert.deepEqual([judged.done, judged.evidence.agrees], ['accept', true])
  assert.match(judged.reason, /a second model agrees/)
})

test('in a race the strong model begins at once, and is broken off where it is not needed', async () => {
  const racing = await serve({ order: 'race' })
  const begun = Promise.withResolvers<void>()
  strong.answer(() => begun.resolve())
  cheap.answer(async (response, received) => {
    await begun.promise
    respond(response, received, ['The answer is 42.'])
  })
  const { settled, judged } = told(await ask(racing), racing)
  assert.equal(judged.done, 'accept')
  assert.ok(settled.some(({ model, outcome }) => model === 'z/gpt-large' && outcome === 'client_closed'))
})

test('a shadow changes nothing and writes down what would have been done', async () => {
  const shadow = await serve({ mode: 'shadow' })
  const answered = await ask(shadow, {
    messages: [{ role: 'user', content: 'Name three rivers of Norway, please.' }],
  })
  const { judged, causes, closed } = told(answered, shadow)
  assert.deepEqual(causes, ['a/qwen-small first'])
  assert.equal(judged.done, 'accept')
  assert.ok(['accept', 'escalate'].includes(judged.action))
  assert.equal(closed?.model, 'a/qwen-small')
  assert.match(String(answered.headers['x-upshift-reason']), /^auto: 0 points/)
})

test('where doubt is dearer than it is worth, an abstaining server says that there is no answer', async () => {
  const honest = await serve({ worthUsd: 0.000_01, abstain: true })
  second.answer(says('The final answer is 17'))
  const answered = await ask(honest)
  const { judged, closed } = told(answered, honest)
  assert.equal(judged.action, 'abstain')
  assert.equal(closed?.outcome, 'declined')
  assert.match(
    JSON.parse(answered.text).choices[0].message.content,
    /No answer here is likely enough to be right/,
  )
})

test('switched off, the points of difficulty decide as before', async () => {
  const plain = await serve({ mode: 'off' })
  const answered = await ask(plain)
  const [closed] = entriesOf(plain.home, 'closed', String(answered.headers['x-request-id']))
  assert.equal(closed?.judged, undefined)
  assert.match(String(answered.headers['x-upshift-reason']), /points of difficulty/)
})

test('a wrong setting is refused with its place', async () => {
  await assert.rejects(serve({ worthUsd: -1 }), /worthUsd/)
})

async function chatless(path: string, body: string): Promise<Reply> {
  const answered = await send(server, { path, body })
  if (answered.status >= 400) throw new Error(errorOf(answered).message)
  return answered
}

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { readLog } from './process/log.ts'
import { chat, errorOf, type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** Nothing leaves unasked: a planted key of a cloud engine, and a fake that listens where its address points. */

const MODEL = 'openai/gpt-4o-mini'
const PLANTED = 'sk-planted-0123456789abcdefghijklmnop'
const ask = (content: string, more: Record<string, unknown> = {}) => ({
  model: MODEL,
  messages: [{ role: 'user', content }],
  max_tokens: 100,
  ...more,
})
/** Long enough for anything that starts by itself to have connected. */
const SETTLE_MS = 700

function environment(cloud: Upstream): Record<string, string> {
  return { OPENAI_API_KEY: PLANTED, OPENAI_BASE_URL: cloud.url }
}

function allow(server: RunningServer, body: unknown = {}): Promise<Reply> {
  return send(server, { path: '/v1/admin/engines/openai/allow', body: JSON.stringify(body) })
}

describe('a key in the environment and no configuration', () => {
  const held = new AsyncDisposableStack()
  let cloud: Upstream
  let server: RunningServer

  before(async () => {
    cloud = held.use(await startUpstream(['gpt-4o-mini']))
    cloud.answer((response, request) => respond(response, request, ['from the ', 'cloud']))
    server = held.use(await startServer({ env: environment(cloud) }))
  })
  after(() => held.disposeAsync())

  test('starting connects to nobody and says that the engine is off', async () => {
    await pause(SETTLE_MS)
    assert.equal(cloud.connections, 0)
    assert.match(server.output(), /off, until you allow them: openai/)
  })

  test('listing models and engines shows what there would be and connects to nobody', async () => {
    for (const path of ['/v1/models', '/v1/admin/engines', '/ready', '/metrics', '/']) {
      const answered = await send(server, { method: 'GET', path })
      assert.equal(answered.status, 200, path)
      assert.ok(!answered.text.includes(PLANTED), path)
    }
    const engines = await send(server, { method: 'GET', path: '/v1/admin/engines' })
    const found = JSON.parse(engines.text).engines.find((one: { name: string }) => one.name === 'openai')
    assert.equal(found.allowed, false)
    assert.equal(found.off_machine, true)
    assert.ok(found.models.length > 0)
    assert.equal(cloud.connections, 0)
  })

  test('an exact model of it is refused with the command that allows it', async () => {
    const answered = await chat(server, ask('Hello.'))
    assert.equal(answered.status, 403)
    assert.equal(errorOf(answered).code, 'engine_not_allowed')
    assert.match(errorOf(answered).message, /upshift engines allow openai/)
    assert.equal(cloud.connections, 0)
  })

  test('auto and the tiers do not reach it either', async () => {
    for (const model of ['auto', 'fast', 'mid', 'expert']) {
      const answered = await chat(server, ask('Write a poem about ducks.', { model, stream: true }))
      // Quoting the handbook, or declining, is an answer too; only leaving is not.
      assert.ok([200, 403, 503].includes(answered.status), `${model}: ${answered.text}`)
      assert.ok(!answered.text.includes('cloud'), answered.text)
    }
    await pause(SETTLE_MS)
    assert.equal(cloud.connections, 0)
  })

  test('a key that is not the owner’s cannot allow it', async () => {
    const made = await send(server, { path: '/v1/admin/keys', body: JSON.stringify({ name: 'app' }) })
    const { secret } = JSON.parse(made.text)
    const refused = await send(server, {
      path: '/v1/admin/engines/openai/allow',
      headers: { authorization: `Bearer ${secret}` },
      body: '{}',
    })
    assert.equal(refused.status, 403)
    assert.equal(cloud.connections, 0)
  })

  test('once its owner has allowed it, it is used, with the key, and the record holds the change', async () => {
    const allowed = await allow(server)
    assert.equal(allowed.status, 200, allowed.text)
    const answered = await chat(server, ask('Hello.'))
    assert.equal(answered.status, 200, answered.text)
    assert.equal(JSON.parse(answered.text).choices[0].message.content, 'from the cloud')
    assert.equal(cloud.received[0]?.headers.authorization, `Bearer ${PLANTED}`)
    const change = readLog(server.home).find((entry) => entry.type === 'policy-changed')
    assert.match(JSON.stringify(change), /openai/)
    assert.ok(!JSON.stringify(readLog(server.home)).includes(PLANTED))
  })

  test('a prompt with a secret in it is refused by a named rule, and does not leave', async () => {
    const id = 'AKIAQ3EGRZ7XK2MPLW4T'
    const pem = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEowIBAAKCAQEAx7Kc9vT2\n'.repeat(8)}-----END RSA PRIVATE KEY-----`
    const before = cloud.received.length
    const planted = { aws_access_key: `My key is ${id}, is it safe?`, private_key: `Fix this:\n${pem}` }
    for (const [kind, content] of Object.entries(planted)) {
      for (const stream of [false, true]) {
        const answered = await chat(server, ask(content, { stream }))
        assert.equal(answered.status, 400, `${kind}: ${answered.text}`)
        const error = errorOf(answered)
        assert.equal(error.code, 'guard_refused')
        assert.equal(error.rule, `input.secret.${kind}`)
        assert.ok(!answered.text.includes(id) && !answered.text.includes('MIIEow'))
      }
    }
    const hidden = await chat(server, { ...ask('Hello.'), metadata: { note: `use ${id}` } })
    assert.equal(hidden.status, 400, 'in a field that no one reads')
    assert.equal(cloud.received.length, before)
  })

  test('denied again, it is off at the next request', async () => {
    const before = cloud.received.length
    assert.equal((await send(server, { path: '/v1/admin/engines/openai/deny', body: '{}' })).status, 200)
    assert.equal((await chat(server, ask('Hello.'))).status, 403)
    assert.equal(cloud.received.length, before)
  })
})

describe('the daily cap', () => {
  const held = new AsyncDisposableStack()
  let cloud: Upstream
  let home: string

  before(async () => {
    cloud = held.use(await startUpstream(['gpt-4o-mini']))
    home = mkdtempSync(join(tmpdir(), 'upshift-cap-'))
    held.defer(() => rmSync(home, { recursive: true, force: true }))
  })
  after(() => held.disposeAsync())

  test('stops spending, and a kill -9 and a restart do not forget what was spent', async () => {
    // A million output tokens of this model cost $0.60: of a cap of 100 micro-dollars one such answer leaves 40.
    const usage = { prompt_tokens: 0, completion_tokens: 100, total_tokens: 100 }
    cloud.answer((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const message = { role: 'assistant', content: 'Dear.' }
      response.end(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }))
    })
    const server = await startServer({ env: environment(cloud), home })
    assert.equal((await allow(server, { cap_usd: 0.0001 })).status, 200)
    const paid = await chat(server, ask('Hello.'))
    assert.equal(paid.status, 200, paid.text)
    assert.equal(JSON.parse(paid.text).upshift.cost_micros, 60)
    await refusedForCap(server)
    await server.kill()
    await server[Symbol.asyncDispose]()

    await using again = await startServer({ env: environment(cloud), home })
    await refusedForCap(again)
    assert.equal(cloud.received.length, 1)
    const small = await chat(again, ask('Hello.', { max_tokens: 10 }))
    assert.equal(small.status, 200, 'what fits under the cap is still answered')
  })

  test('an attempt that a kill -9 cut off counts at its worst case after the restart', async () => {
    cloud.answer(() => {})
    const fresh = mkdtempSync(join(tmpdir(), 'upshift-cap-'))
    held.defer(() => rmSync(fresh, { recursive: true, force: true }))
    const server = await startServer({ env: environment(cloud), home: fresh })
    await allow(server, { cap_usd: 0.0001 })
    const cut = chat(server, ask('Hello.')).catch((error: unknown) => error)
    while (cloud.received.length === 0) await pause(10)
    await server.kill()
    assert.ok((await cut) instanceof Error)
    await server[Symbol.asyncDispose]()

    await using again = await startServer({ env: environment(cloud), home: fresh })
    await refusedForCap(again)
  })

  async function refusedForCap(server: RunningServer): Promise<void> {
    const before = cloud.received.length
    const refused = await chat(server, ask('Hello.'))
    assert.equal(refused.status, 429, refused.text)
    assert.equal(errorOf(refused).code, 'spending_cap')
    assert.equal(errorOf(refused).type, 'insufficient_quota')
    assert.match(errorOf(refused).message, /upshift engines allow openai --cap/)
    assert.equal(refused.headers['x-should-retry'], 'false')
    assert.equal(cloud.received.length, before)
  }
})

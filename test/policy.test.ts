import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as z from 'zod'
import type { Closed, Opened } from '../src/contract/entry.ts'
import { get, type Made, makeKey, shownKey } from './process/admin.ts'
import { type AnthropicUpstream, messageEvents, say, startAnthropic } from './process/anthropic.ts'
import { Shelf } from './process/collection.ts'
import { type Embedder, embedded, startEmbedder } from './process/embedder.ts'
import { entriesOf, readLog } from './process/log.ts'
import { type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { anthropicAt, configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import {
  event,
  reply as replyJson,
  respond,
  startUpstream,
  streamHead,
  type Upstream,
} from './process/upstream.ts'

/**
 * One policy everywhere: every route, and every mode of those that ask a model, against every rule. A route that the
 * server describes and that has no row here fails the test.
 */

/** A way to ask a model. The words are the caller's; the answer is `said`. */
interface Asking {
  readonly name: string
  readonly path: string
  body(words: string): Readonly<Record<string, unknown>>
  /** Where the answer comes in pieces, or the engine takes its time: what breaks off in the middle. */
  readonly slow: 'stream' | 'whole'
  /** No money is needed. */
  readonly free?: true
  /** The handbook answers: no engine is asked. */
  readonly handbook?: true
  /** What is answered (vectors, a number) is not kept as text. */
  readonly silent?: true
  /** Nothing is sent and nothing bought: no record, and no money is needed. */
  readonly idle?: true
}

const chat = (more: object) => (words: string) => ({
  model: 'one/small',
  messages: [{ role: 'user', content: words }],
  ...more,
})

const message = (model: string, more: object) => (words: string) => ({
  model,
  max_tokens: 100,
  messages: [{ role: 'user', content: words }],
  ...more,
})

const ASKING: readonly Asking[] = [
  { name: 'chat', path: '/v1/chat/completions', body: chat({}), slow: 'whole' },
  { name: 'chat, streamed', path: '/v1/chat/completions', body: chat({ stream: true }), slow: 'stream' },
  {
    name: 'chat, retrieve',
    path: '/v1/chat/completions',
    body: (words) => ({ ...chat({})(words), model: 'auto', upshift: { mode: 'retrieve' } }),
    slow: 'whole',
    free: true,
    handbook: true,
  },
  {
    name: 'chat, of a collection',
    path: '/v1/chat/completions',
    body: chat({ upshift: { collection: 'manuals' } }),
    slow: 'whole',
  },
  {
    name: 'chat, a shape to hold',
    path: '/v1/chat/completions',
    body: chat({ stream: true, response_format: { type: 'json_object' } }),
    slow: 'stream',
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: (words) => ({ model: 'one/small', input: words }),
    slow: 'whole',
  },
  {
    name: 'responses, streamed',
    path: '/v1/responses',
    body: (words) => ({ model: 'one/small', input: words, stream: true }),
    slow: 'stream',
  },
  {
    name: 'messages',
    path: '/v1/messages',
    body: message('one/small', {}),
    slow: 'whole',
  },
  {
    name: 'messages, streamed',
    path: '/v1/messages',
    body: message('one/small', { stream: true }),
    slow: 'stream',
  },
  {
    name: 'messages, to an engine of the same dialect',
    path: '/v1/messages',
    body: message('claude/small', {}),
    slow: 'whole',
  },
  {
    name: 'messages, to an engine of the same dialect, streamed',
    path: '/v1/messages',
    body: message('claude/small', { stream: true }),
    slow: 'stream',
  },
  {
    name: 'tokens counted by the engine',
    path: '/v1/messages/count_tokens',
    body: message('claude/small', { max_tokens: undefined }),
    slow: 'whole',
    free: true,
    silent: true,
  },
  {
    name: 'tokens estimated',
    path: '/v1/messages/count_tokens',
    body: message('one/small', { max_tokens: undefined }),
    slow: 'whole',
    free: true,
    idle: true,
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    body: (words) => ({ model: 'vectors/embed-small', input: words }),
    slow: 'whole',
    silent: true,
  },
]

/** Routes that ask no model: who may call them. `open`: anybody; `machine`: anybody on this machine. */
const OTHERS: Readonly<Record<string, 'open' | 'machine' | 'key' | 'owner'>> = {
  'GET /': 'open',
  'GET /health': 'open',
  'GET /ready': 'open',
  'GET /openapi.json': 'open',
  'GET /metrics': 'machine',
  'GET /v1/models': 'key',
  'GET /v1/usage': 'key',
  'GET /v1/requests': 'key',
  'GET /v1/requests/{id}': 'key',
  'POST /v1/feedback': 'key',
  'GET /v1/responses/{id}': 'key',
  'DELETE /v1/responses/{id}': 'key',
  'GET /v1/responses/{id}/input_items': 'key',
  'GET /v1/citations/{id}': 'key',
  'GET /v1/knowledge': 'key',
  'POST /v1/knowledge/{collection}/search': 'key',
  'GET /v1/audit/checkpoint': 'key',
  'POST /v1/admin/backup': 'owner',
  'GET /v1/admin/doctor': 'owner',
  'GET /v1/admin/engines': 'owner',
  'POST /v1/admin/engines/{name}/allow': 'owner',
  'POST /v1/admin/engines/{name}/deny': 'owner',
  'GET /v1/admin/events': 'owner',
  'GET /v1/admin/keys': 'owner',
  'POST /v1/admin/keys': 'owner',
  'POST /v1/admin/keys/{id}/limits': 'owner',
  'POST /v1/admin/keys/{id}/revoke': 'owner',
  'POST /v1/admin/keys/{id}/rotate': 'owner',
  'POST /v1/admin/knowledge/embed': 'owner',
  'POST /v1/admin/knowledge/forget': 'owner',
  'POST /v1/admin/reload': 'owner',
  'GET /v1/admin/routing': 'owner',
  'POST /v1/admin/routing/rollback': 'owner',
  'POST /v1/admin/subjects/erase': 'owner',
  'POST /v1/admin/subjects/export': 'owner',
}

const SAID = 'quiet-answer-of-the-engine'
const held = new AsyncDisposableStack()
let engine: Upstream
let embedder: Embedder
let claude: AnthropicUpstream
let server: RunningServer
let rich: Made
let poor: Made

before(async () => {
  engine = held.use(await startUpstream())
  embedder = held.use(await startEmbedder(['embed-small']))
  claude = held.use(await startAnthropic(['small']))
  const price = { input: 1, output: 1 }
  const vectors = {
    kind: 'openai-compatible',
    url: embedder.url,
    models: [{ name: 'embed-small', kind: 'embedding', price }],
  }
  const rule = { action: 'refuse', applies: 'everywhere' }
  const config = configOf(
    { one: engineAt([engine.url]), claude: anthropicAt([claude.url]), vectors },
    { guard: { input: { pii: { card: rule } } } },
  )
  server = held.use(await startServer({ config }))
  const shelf = held.use(new Shelf())
  await shelf.add(server.home, 'manuals', { 'engines.md': 'Engines are allowed by their owner. How else?' })
  rich = await makeKey(server, 'rich', { usdPerDay: 100 })
  poor = await makeKey(server, 'poor', { usdPerDay: 0.000001 })
})

after(() => held.disposeAsync())

const ask = (asking: Asking, words: string, headers: Readonly<Record<string, string>>): Promise<Reply> =>
  send(server, { path: asking.path, body: JSON.stringify(asking.body(words)), headers })

const NAMED = z.looseObject({ error: z.looseObject({}) })

/** The code of an error, in whichever dialect it is told. */
function codeOf({ text }: Reply): string {
  const { error } = NAMED.parse(JSON.parse(text))
  return String(error['code'] ?? error['type'])
}

function idOf({ headers }: Reply): string {
  const id = headers['x-upshift-request-id'] ?? headers['x-request-id'] ?? headers['request-id']
  assert.equal(typeof id, 'string', `an id in ${JSON.stringify(headers)}`)
  return String(id)
}

test('every route that the server has stands in one of the two tables', async () => {
  const { paths } = z
    .looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
    .parse(JSON.parse((await get(server, '/openapi.json')).text))
  const has = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const rows = [...Object.keys(OTHERS), ...new Set(ASKING.map(({ path }) => `POST ${path}`))]
  assert.deepEqual([...has].sort(), [...rows].sort())
})

for (const [name, access] of Object.entries(OTHERS)) {
  test(`${name} is for ${access}`, async () => {
    const [method = '', path = ''] = name.split(' ')
    const at = path.replaceAll(/\{\w+\}/g, 'none')
    // No body is read before the key was looked at.
    const as = (authorization: string) =>
      send(server, { method, path: at, headers: { authorization, 'content-type': '' } })
    const [nobody, wrong] = [await as(''), await as('Bearer upk_wrong')]
    const open = access === 'open' || access === 'machine'
    assert.equal(nobody.status === 401, !open, `without a key: ${nobody.status}`)
    if (!open) assert.equal(wrong.status, 401)
    if (access !== 'owner') return
    const refused = await as(rich.headers['authorization'] ?? '')
    assert.equal(refused.status, 403)
  })
}

for (const asking of ASKING) {
  describe(asking.name, () => {
    before(() => {
      embedder.answer(embedded)
      claude.count((response) => replyJson(response, 200, { input_tokens: 42 }))
      claude.answer((response, received) => say(response, [{ type: 'text', pieces: [SAID] }], {}, received))
      engine.answer((response, received) => {
        const shaped = received.body['response_format'] !== undefined
        respond(response, received, [shaped ? JSON.stringify({ said: SAID }) : SAID])
      })
    })

    test('without a key it is refused, and so with a wrong one', async () => {
      for (const authorization of ['', 'Bearer upk_wrong']) {
        assert.equal((await ask(asking, 'hello', { authorization })).status, 401)
      }
    })

    test('a key without money, or at its limit, is refused before anything is sent', async () => {
      const before = engine.received.length
      if (asking.free) {
        const once = await makeKey(server, 'once', { requestsPerMinute: 1 })
        assert.equal((await ask(asking, 'How are engines allowed?', once.headers)).status, 200)
        assert.equal((await ask(asking, 'How are engines allowed?', once.headers)).status, 429)
        return
      }
      const reply = await ask(asking, 'How are engines allowed?', poor.headers)
      assert.deepEqual([reply.status, engine.received.length], [429, before])
      assert.match(codeOf(reply), /budget_exceeded|rate_limit_error|insufficient_quota/)
    })

    test('a rule of the guard refuses it, by its name, and it stands in the record', async () => {
      const reply = await ask(asking, 'My card is 4111 1111 1111 1111.', rich.headers)
      assert.equal(reply.status, 400)
      assert.match(reply.text, /card/)
      const [refused] = entriesOf(server.home, 'refused', idOf(reply))
      assert.equal(refused?.code, 'guard_refused')
      assert.match(refused?.rule ?? '', /card/)
    })

    test('a record is written, and the text lies in the vault and nowhere else', async () => {
      const words = `How are engines allowed? marker-${asking.name.replaceAll(/\W+/g, '-')}`
      const reply = await ask(asking, words, rich.headers)
      assert.equal(reply.status, 200, reply.text)
      const id = idOf(reply)
      if (asking.idle) return assert.deepEqual(entriesOf(server.home, 'opened', id), [])
      const [opened] = entriesOf(server.home, 'opened', id)
      const [closed] = entriesOf(server.home, 'closed', id)
      assert.equal(opened?.key, rich.id)
      assert.ok(closed?.outcome === 'answered' || closed?.outcome === 'declined')
      assert.ok(opened?.prompt !== undefined)
      const shown = await get(server, `/v1/requests/${id}?text=true`)
      assert.ok(shown.text.includes(words), shown.text)
      if (!asking.silent) assert.ok(closed?.answer !== undefined)
      assert.deepEqual(filesWith(server.home, words), [])
    })

    if (asking.idle) return

    test('a caller who leaves is closed in the record, and nothing stays reserved', async () => {
      const begun = Promise.withResolvers<void>()
      engine.answer((response) => {
        if (asking.slow === 'stream') {
          streamHead(response)
          response.write(event({ role: 'assistant', content: 'half an answer, and then ' }))
        }
        begun.resolve()
      })
      embedder.answer(() => begun.resolve())
      claude.count(() => begun.resolve())
      claude.answer((response) => {
        if (asking.slow === 'stream') {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          const [start = '', block = ''] = messageEvents([{ type: 'text', pieces: ['half'] }])
          response.write(start + block)
        }
        begun.resolve()
      })
      const seen = new Set(readLog(server.home).flatMap((entry) => ('id' in entry ? [entry.id] : [])))
      const fresh = <T extends Opened | Closed>(type: T['type']) =>
        readLog(server.home).find(
          (entry): entry is Extract<typeof entry, T> => entry.type === type && !seen.has(entry.id),
        )
      const leaving = leave(asking)
      await until('its record is open', () => fresh<Opened>('opened') !== undefined)
      if (!asking.handbook) await begun.promise
      leaving.destroy()
      await until('its record is closed', () => fresh<Closed>('closed') !== undefined)
      // What the handbook answers may be over before anybody can leave.
      const ends = asking.handbook ? ['aborted', 'answered', 'declined'] : ['aborted']
      const outcome = fresh<Closed>('closed')?.outcome ?? ''
      assert.ok(ends.includes(outcome), `it ended ${outcome}`)
      const { usdReserved, requestsUnderWay } = (await shownKey(server, rich.id)).spent
      assert.deepEqual([usdReserved, requestsUnderWay], [0, 0])
    })
  })
}

/** Sends a request and leaves it to its caller to go. */
function leave(asking: Asking): ClientRequest {
  const body = JSON.stringify(asking.body('How are engines allowed?'))
  const headers = {
    ...rich.headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }
  const out = request(server.address, { method: 'POST', path: asking.path, headers, agent: false })
  // It is destroyed on purpose.
  out.once('error', () => undefined)
  out.end(body)
  return out
}

/** Files under a folder in which a text stands as it is. */
function filesWith(folder: string, words: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path).includes(words))
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Embedder, embedded, startEmbedder } from './process/embedder.ts'
import { entriesOf, readLog } from './process/log.ts'
import { chat, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** Where a model on this machine embeds, labelled requests of like meaning are evidence; and nobody waits for it long. */

const held = new AsyncDisposableStack()
let cheap: Upstream
let strong: Upstream
let judge: Upstream
let embedder: Embedder

before(async () => {
  cheap = held.use(await startUpstream(['qwen-small']))
  strong = held.use(await startUpstream(['gpt-large']))
  judge = held.use(await startUpstream(['judge']))
  embedder = held.use(await startEmbedder(['vectors']))
  cheap.answer((response, received) => respond(response, received, ['The answer is 42.']))
  strong.answer((response, received) => respond(response, received, ['The answer is 43.']))
  judge.answer((response, received) => {
    const put = JSON.stringify(received.body['messages'])
    respond(response, received, [
      `VERDICT: ${put.indexOf('answer is 43') < put.indexOf('answer is 42') ? 1 : 2}`,
    ])
  })
})
after(() => held.disposeAsync())

const engine = ({ url }: Upstream, name: string, tier: string, usd: number) => ({
  kind: 'openai-compatible',
  urls: [url],
  models: [{ name, tier, price: { input: usd, output: usd } }],
})

function settings(waitMs: number, share = 1) {
  const engines = {
    a: engine(cheap, 'qwen-small', 'fast', 0.1),
    z: engine(strong, 'gpt-large', 'expert', 2),
    j: engine(judge, 'judge', 'mid', 0.5),
    e: { kind: 'openai-compatible', urls: [embedder.url], models: [{ name: 'vectors', kind: 'embedding' }] },
  }
  const escalation = {
    second: false,
    sure: 1_000,
    evaluator: 'j/judge',
    explore: { share, usdPerDay: 100 },
    embeddings: { model: 'e/vectors', waitMs },
  }
  return configOf(engines, { route: { escalation } })
}

async function ask(server: RunningServer, content: string, user = 'ada@example.org') {
  const body = { model: 'auto', max_tokens: 100, user, messages: [{ role: 'user', content }] }
  const answered = await chat(server, body)
  assert.equal(answered.status, 200, answered.text)
  const id = String(answered.headers['x-request-id'])
  const [opened] = entriesOf(server.home, 'opened', id)
  return { id, foreseen: opened?.plan.escalation?.foreseen, reasons: opened?.plan.reasons.join('; ') ?? '' }
}

test('compared requests of like meaning are evidence for the next one, also after a restart, until their person is erased', async () => {
  embedder.answer(embedded)
  let server = held.use(await startServer({ config: settings(1_000) }))
  const first = await ask(server, 'What is 1 plus 2, and 3?')
  assert.equal(first.foreseen?.neighbours, undefined)
  for (let nth = 0; nth < 60; nth++) await ask(server, `What is ${nth} plus 2, and 3?`)
  const compared = readLog(server.home).filter(
    (entry) => entry.type === 'closed' && entry.judged?.compared !== undefined,
  )
  assert.ok(compared.length > 0, 'a lot has chosen some')
  const known = await ask(server, 'What is 100 plus 2, and 3?')
  assert.equal(known.foreseen?.neighbours?.gain, 1, 'the strong model was right each time')
  assert.match(known.reasons, /like requests gained 1\.00 \(0\.\d\d of the word\)/)
  const asked = embedder.asked.length
  await ask(server, 'What is 100 plus 2, and 3?')
  assert.equal(embedder.asked.length, asked, 'the same text is embedded once')
  const children = readLog(server.home).filter(
    (entry) => entry.type === 'opened' && entry.plan.mode === 'embed',
  )
  assert.equal(children.length, asked, 'each asking stands in the record')

  const { home } = server
  await server.stop()
  // From here on nothing new is learned.
  server = held.use(await startServer({ config: settings(1_000, 0), home }))
  assert.equal(
    (await ask(server, 'What is 101 plus 2, and 3?', 'bob@example.org')).foreseen?.neighbours?.gain,
    1,
  )

  const exported = await send(server, {
    path: '/v1/admin/subjects/export',
    body: JSON.stringify({ id: 'ada@example.org' }),
  })
  const { learned } = JSON.parse(exported.text)
  assert.ok(
    learned.length > 0 && learned[0].model === 'e/vectors',
    'what is kept of a person is in its export',
  )

  const erased = await send(server, {
    path: '/v1/admin/subjects/erase',
    body: JSON.stringify({ id: 'ada@example.org' }),
  })
  assert.equal(erased.status, 200, erased.text)
  const after1 = await ask(server, 'What is 102 plus 2, and 3?', 'bob@example.org')
  assert.equal(after1.foreseen?.neighbours, undefined)
})

test('an embedding that does not come in time holds nobody up, and the plan says so', async () => {
  embedder.answer(embedded)
  const learning = held.use(await startServer({ config: settings(1_000) }))
  for (let nth = 0; nth < 120; nth++) await ask(learning, `What is ${nth} plus 2, and 3?`)
  await learning.stop()
  const silent = held.use(await startServer({ config: settings(20, 0), home: learning.home }))
  embedder.answer(() => undefined)
  const { reasons } = await ask(silent, 'What is 500 plus 2, and 3?')
  assert.match(reasons, /decided without requests of like meaning: e\/vectors gave none within 20 ms/)
  embedder.answer((response) => void response.writeHead(500).end('{}'))
  assert.match((await ask(silent, 'What is 600 plus 2, and 3?')).reasons, /gave none within 20 ms/)
})

test('as long as no like requests are known nothing is embedded but what a lot has chosen, and nothing is waited for', async () => {
  embedder.answer(() => undefined)
  const server = held.use(await startServer({ config: settings(1_000, 0) }))
  const { reasons } = await ask(server, 'What is 7 plus 2, and 3?')
  assert.match(reasons, /is expected to gain/)
  const modes = readLog(server.home).flatMap((entry) => (entry.type === 'opened' ? [entry.plan.mode] : []))
  assert.deepEqual(modes, ['direct'])
})

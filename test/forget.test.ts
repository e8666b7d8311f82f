import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as z from 'zod'
import type { ForgetReceipt } from '../src/govern/forget/wire.ts'
import { forgetReceiptSchema } from '../src/govern/forget/wire.ts'
import { receiptSchema } from '../src/govern/wire.ts'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { systemClock } from '../src/lib/clock.ts'
import { isMissing } from '../src/lib/missing.ts'
import { checkBundle } from '../src/record/audit/bundle.ts'
import { bundleIn } from '../src/record/audit/read-bundle.ts'
import { verifyHome } from '../src/record/audit/verify.ts'
import { wipeText } from '../src/record/vault/wipe.ts'
import { get } from './process/admin.ts'
import { Shelf } from './process/collection.ts'
import { readLog } from './process/log.ts'
import { chat, type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** What it means that a document is forgotten: nowhere in the home, in no answer, and provable. */

const SECRET = 'The zanzibar pressure of the pump is set to 4711 millibar by the keeper.'
const OTHER = '# Noise\n\nA whistling pump draws air. Tighten the inlet fitting first.\n'
const QUESTION = 'What is the zanzibar pressure of the pump set to?'
const ABSENT = ['zanzibar', '4711 millibar', 'pressure-of-pumps.md']

const held = new AsyncDisposableStack()
let engine: Upstream
let server: RunningServer
let shelf: Shelf

before(async () => {
  engine = held.use(await startUpstream())
  shelf = held.use(new Shelf())
  server = held.use(await startServer({ config: configOf({ one: engineAt([engine.url]) }) }))
})

after(() => held.disposeAsync())

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string() }) })),
  upshift: z.looseObject({
    request_id: z.string(),
    declined: z.boolean(),
    citations: z.array(z.looseObject({ id: z.string(), quote: z.string() })),
  }),
})

function answered(reply: Reply) {
  assert.equal(reply.status, 200, reply.text)
  const { choices, upshift } = answerSchema.parse(JSON.parse(reply.text))
  return { text: choices[0]?.message.content ?? '', ...upshift }
}

const ask = (on: RunningServer, more: object = {}): Promise<Reply> =>
  chat(on, {
    model: 'extractive/handbook',
    messages: [{ role: 'user', content: QUESTION }],
    upshift: { collection: 'manuals' },
    ...more,
  })

async function forget(on: RunningServer, name: string, collection = 'manuals'): Promise<ForgetReceipt> {
  const body = JSON.stringify({ collection, source: shelf.path(name) })
  const reply = await send(on, { path: '/v1/admin/knowledge/forget', body })
  assert.equal(reply.status, 200, reply.text)
  return forgetReceiptSchema.parse(JSON.parse(reply.text))
}

/** The files of a home in which one of the words stands. */
function filesWith(home: string, words: readonly string[]): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const bytes = bytesOf(path)
      return words.some((word) => bytes.includes(word))
    })
}

/** A running server replaces files: one that is gone since it was listed has no bytes. */
function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if (isMissing(error)) return Buffer.alloc(0)
    throw error
  }
}

const add = (on: RunningServer): Promise<void> =>
  shelf.add(on.home, 'manuals', { 'pressure-of-pumps.md': `# Pressure\n\n${SECRET}\n`, 'noise.md': OTHER })

test('a forgotten document is in no byte of the home, in no search and in no kept answer', async () => {
  await add(server)
  const before = answered(await ask(server))
  assert.match(before.text, /4711 millibar/)
  const kept = await get(server, `/v1/requests/${before.request_id}?text=true`)
  assert.match(kept.text, /4711 millibar/)
  assert.ok(filesWith(server.home, ABSENT).length > 0, 'the scan would see it')

  const receipt = await forget(server, 'pressure-of-pumps.md')
  assert.equal(receipt.result, 'forgotten')
  assert.deepEqual(receipt.removed, { passages: 1, answers: 1 })
  assert.equal(receipt.retrieval.found, 0)
  assert.ok((receipt.scan?.probes ?? 0) > 0)
  assert.equal(JSON.stringify(receipt).includes('zanzibar'), false)
  const proven = checkBundle(bundleIn(receipt))
  assert.deepEqual([proven.ok, receipt.proof['about']], [true, receipt.id])
  assert.deepEqual(filesWith(server.home, ABSENT), [])

  assert.equal(answered(await ask(server)).declined, true)
  const now = await get(server, `/v1/requests/${before.request_id}?text=true`)
  assert.doesNotMatch(now.text, /4711/)
  assert.equal(JSON.parse(now.text).answer.state, 'erased')
  const cited = await get(server, `/v1/citations/${encodeURIComponent(before.citations[0]?.id ?? '')}`)
  assert.equal(cited.status, 404)
  const other = { ...{ path: '/v1/knowledge/manuals/search' }, body: '{"question":"whistling"}' }
  assert.match((await send(server, other)).text, /draws air/)
  const again = await send(server, {
    path: '/v1/admin/knowledge/forget',
    body: JSON.stringify({ collection: 'manuals', source: shelf.path('pressure-of-pumps.md') }),
  })
  assert.equal(again.status, 404)
})

test('what another collection holds of the same file is its own, and the receipt names that collection', async () => {
  await add(server)
  await shelf.add(server.home, 'copies', { 'pressure-of-pumps.md': `# Pressure\n\n${SECRET}\n` })
  const receipt = await forget(server, 'pressure-of-pumps.md')
  assert.equal(receipt.result, 'forgotten', JSON.stringify(receipt.scan))
  assert.deepEqual(receipt.alsoIn, ['copies'])
  assert.ok(receipt.alsoElsewhere > 0)
  // The same file, and its name, in a place that is no collection's are a finding.
  await add(server)
  writeFileSync(join(server.home, 'stray.txt'), `${shelf.path('pressure-of-pumps.md')}: ${SECRET}`)
  const stray = await forget(server, 'pressure-of-pumps.md')
  rmSync(join(server.home, 'stray.txt'))
  assert.equal(stray.result, 'incomplete')
  assert.deepEqual([...new Set(stray.scan?.findings.map(({ file }) => file))], ['stray.txt'])
  const last = await forget(server, 'pressure-of-pumps.md', 'copies')
  assert.deepEqual([last.result, last.alsoIn], ['forgotten', []])
  assert.deepEqual(filesWith(server.home, ABSENT), [])
})

test('who pasted a document into a prompt can be erased while the document stays', async () => {
  await add(server)
  const content = `What does this mean?\n\n${SECRET}`
  answered(await ask(server, { user: 'ada@example.org', messages: [{ role: 'user', content }] }))
  const body = JSON.stringify({ id: 'ada@example.org' })
  const reply = await send(server, { path: '/v1/admin/subjects/erase', body })
  const receipt = receiptSchema.parse(JSON.parse(reply.text))
  assert.equal(receipt.result, 'erased', reply.text)
  assert.ok((receipt.scan?.inDocuments ?? 0) > 0)
  assert.match(answered(await ask(server)).text, /4711 millibar/)
  await forget(server, 'pressure-of-pumps.md')
})

test('what is in another collection under the same name is no remainder, and what is not there is told apart', async () => {
  await add(server)
  await shelf.add(server.home, 'copies', { 'pressure-of-pumps.md': `# Pressure\n\n${SECRET}\n` })
  const receipt = await forget(server, 'pressure-of-pumps.md')
  assert.deepEqual([receipt.result, receipt.scan?.findings], ['forgotten', []])
  assert.ok(receipt.alsoElsewhere > 0)
  const refused = async (collection: string, source: string): Promise<string> => {
    const body = JSON.stringify({ collection, source })
    const reply = await send(server, { path: '/v1/admin/knowledge/forget', body })
    assert.equal(reply.status, 404)
    return JSON.parse(reply.text).error.message
  }
  assert.match(await refused('nosuch', 'nosuch'), /^There is no collection "nosuch"/)
  assert.match(await refused('manuals', 'nosuch'), /^The collection "manuals" holds no document "nosuch"/)
  const body = JSON.stringify({ collection: 'copies', source: shelf.path('pressure-of-pumps.md') })
  const last = await send(server, { path: '/v1/admin/knowledge/forget', body })
  assert.equal(forgetReceiptSchema.parse(JSON.parse(last.text)).result, 'forgotten')
  assert.deepEqual(filesWith(server.home, ABSENT), [])
})

test('the audit holds after a wiping that the log tells of, and names one that it does not', async () => {
  await add(server)
  const { request_id: id } = answered(await ask(server))
  await forget(server, 'pressure-of-pumps.md')
  const after = await verifyHome({ home: server.home, signal: new AbortController().signal })
  assert.deepEqual([after.ok, after.problems], [true, []])
  assert.ok(readLog(server.home).some((one) => one.type === 'texts-wiped' && one.requests.includes(id)))
  const unsaid = answered(await ask(server)).request_id
  const closed = readLog(server.home).find((one) => one.type === 'closed' && one.id === unsaid)
  assert.ok(closed?.type === 'closed' && closed.answer !== undefined)
  assert.equal(wipeText(join(server.home, 'vault'), closed.answer), true)
  const named = await verifyHome({ home: server.home, signal: new AbortController().signal })
  assert.deepEqual(
    named.problems.map(({ kind, id: what }) => [kind, what]),
    [['text-changed', unsaid]],
  )
})

test('while a document is forgotten no answer quotes it that ends afterwards', async () => {
  await add(server)
  engine.answer((response, received) =>
    respond(response, received, ['It is set [1 "zanzibar pressure of the pump is set to 4711 millibar"].']),
  )
  let stop = false
  const asker = async (model: string): Promise<number> => {
    let quoted = 0
    while (!stop) {
      const found = answered(await ask(server, { model }))
      if (found.citations.some(({ quote }) => quote.includes('zanzibar'))) quoted++
    }
    return quoted
  }
  const asking = ['extractive/handbook', 'one/small', 'extractive/handbook'].map(asker)
  const begun = readLog(server.home).length
  const since = () => readLog(server.home).slice(begun)
  const quotes = (one: ReturnType<typeof readLog>[number]) =>
    one.type === 'closed' && one.answer !== undefined && (one.sources?.length ?? 0) > 0
  await until('it is quoted', () => since().some(quotes))
  const receipt = await forget(server, 'pressure-of-pumps.md')
  for (let at = 0; at < 5; at++) assert.equal(answered(await ask(server)).declined, true)
  stop = true
  assert.ok(
    (await Promise.all(asking)).some((count) => count > 0),
    'it was quoted before',
  )
  assert.equal(receipt.result, 'forgotten')
  const wiped = since().findLastIndex(({ type }) => type === 'texts-wiped')
  assert.ok(wiped > 0)
  assert.deepEqual(since().slice(wiped).filter(quotes), [])
  assert.deepEqual(filesWith(server.home, ABSENT), [])
  for (const one of since().filter(quotes)) {
    assert.ok('id' in one)
    const { answer } = JSON.parse((await get(server, `/v1/requests/${one.id}?text=true`)).text)
    assert.equal(answer.state, 'erased', one.id)
  }
})

test('a forgetting that a SIGKILL breaks off is ended by the next start', async () => {
  for (const delayMs of [0, 2, 8, 20]) {
    await using first = await startServer({ config: configOf({}) })
    await add(first)
    const { request_id: id } = answered(await ask(first))
    const body = JSON.stringify({ collection: 'manuals', source: shelf.path('pressure-of-pumps.md') })
    const forgetting = send(first, { path: '/v1/admin/knowledge/forget', body }).catch(() => undefined)
    await until('it has begun', () => readLog(first.home).some(({ type }) => type === 'forget-begun'))
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    await first.kill()
    await forgetting
    await using second = await startServer({ config: configOf({}), home: first.home })
    const log = readLog(second.home)
    assert.equal(log.filter(({ type }) => type === 'forget-begun').length, 1)
    assert.equal(log.filter(({ type }) => type === 'forget-done').length, 1)
    assert.equal(answered(await ask(second)).declined, true)
    const { answer } = JSON.parse((await get(second, `/v1/requests/${id}?text=true`)).text)
    assert.equal(answer.state, 'erased')
    assert.deepEqual(filesWith(second.home, ABSENT), [])
    await second.stop()
    using collections = new Collections(join(second.home, 'collections.db'), systemClock)
    assert.deepEqual(
      collections.documents('manuals').map(({ source }) => source),
      [shelf.path('noise.md')],
    )
  }
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import * as z from 'zod'
import { shownReply } from '../src/caller/wire.ts'
import { get } from './process/admin.ts'
import { Shelf } from './process/collection.ts'
import { entriesOf } from './process/log.ts'
import { chat, errorOf, type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** Answers from collections, through a real server over files that were read as `knowledge add` reads them. */

const PUMPS =
  '# Pumps\n\n## Oil\n\nThe oil of the pump is changed every 500 hours. Use mineral oil of grade 46 for it.\n'
const NOISE = '# Noise\n\nA whistling pump draws air. Tighten the inlet fitting first.\n'
const OLD = '# Old manual\n\nThe oil of the pump is changed every 300 hours.\n'
const SECRET = '# Salaries\n\nThe salary of the pump inspector is 90000 euros a year.\n'
const OIL = 'How often is the oil of the pump changed?'

const held = new AsyncDisposableStack()
let engine: Upstream
let server: RunningServer
let shelf: Shelf

before(async () => {
  engine = held.use(await startUpstream())
  shelf = held.use(new Shelf())
  server = held.use(await startServer({ config: configOf({ one: engineAt([engine.url]) }) }))
  await shelf.add(server.home, 'manuals', { 'pumps.md': PUMPS, 'noise.md': NOISE })
  await shelf.add(server.home, 'both', { 'new.md': PUMPS, 'old.md': OLD })
  await shelf.add(server.home, 'hidden', { 'salaries.md': SECRET })
})

after(() => held.disposeAsync())

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string() }) })),
  upshift: z.looseObject({
    request_id: z.string(),
    model: z.string(),
    declined: z.boolean(),
    citations: z.array(
      z.looseObject({
        id: z.string(),
        document: z.string(),
        version: z.string(),
        start: z.number(),
        end: z.number(),
        quote: z.string(),
      }),
    ),
    verdicts: z.array(z.object({ check: z.string(), outcome: z.string(), detail: z.string().optional() })),
  }),
})

function answered(reply: Reply) {
  assert.equal(reply.status, 200, reply.text)
  const { choices, upshift } = answerSchema.parse(JSON.parse(reply.text))
  return { text: choices[0]?.message.content ?? '', ...upshift }
}

const ask = (collection: string, question: string, more: object = {}, headers = {}): Promise<Reply> =>
  chat(
    server,
    { model: 'auto', messages: [{ role: 'user', content: question }], upshift: { collection }, ...more },
    headers,
  )

/** Has the engine say this, whatever it is asked. */
function says(words: string): void {
  engine.answer((response, received) => respond(response, received, [words]))
}

/** As a stranger would check a citation: from the file alone. */
function standsInItsFile(one: {
  document: string
  version: string
  start: number
  end: number
  quote: string
}) {
  const text = shelf.read(one.document)
  assert.equal(createHash('sha256').update(text).digest('hex'), one.version)
  assert.equal(text.slice(one.start, one.end), one.quote)
}

test('without a model the collection is quoted, and the citation opens where it stands', async () => {
  const found = answered(await ask('manuals', OIL, { model: 'extractive/handbook' }))
  assert.equal(found.declined, false)
  assert.match(found.text, /> The oil of the pump is changed every 500 hours\./)
  for (const one of found.citations) standsInItsFile(one)
  const opened = JSON.parse(
    (await get(server, `/v1/citations/${encodeURIComponent(found.citations[0]?.id ?? '')}`)).text,
  )
  assert.equal(opened.quote, found.citations[0]?.quote)
  const [closed] = entriesOf(server.home, 'closed', found.request_id)
  assert.deepEqual(
    closed?.sources,
    found.citations.map(({ id }) => id),
  )
  assert.ok(
    found.verdicts.some(({ check, outcome }) => check === 'retrieval.rerank' && outcome === 'skipped'),
  )
})

test('of what a model says only sentences with true quotations stay, and the record tells what went', async () => {
  says(
    [
      'The oil is changed every 500 hours [1 "changed every 500 hours"].',
      'It lasts 900 hours [1 "changed every 900 hours"].',
      'Mineral oil is used [2 "Use mineral oil of grade 46"].',
      'It should be heated before.',
      'The manual of pumps says "heat the oil gently" [1 "The oil of the pump is changed"].',
    ].join(' '),
  )
  const before = engine.received.length
  const found = answered(await ask('manuals', OIL))
  assert.match(found.text, /^The oil is changed every 500 hours \[1\]\n\nSources/)
  assert.doesNotMatch(found.text, /900|heat|[Mm]ineral/)
  assert.equal(found.citations.length, 1)
  for (const one of found.citations) standsInItsFile(one)
  const verdict = found.verdicts.find(({ check }) => check === 'citation.verbatim')
  assert.deepEqual([verdict?.outcome, verdict?.detail?.slice(0, 22)], ['repaired', '1 of 5 sentences stay;'])
  const asked = JSON.stringify(engine.received.at(before)?.body['messages'])
  assert.match(asked, /never an instruction to you/)
  assert.match(asked, /<passage-\w+ number=\\"1\\">/)
})

test('an answer of which no sentence is supported is declined', async () => {
  says('Every 900 hours [1 "changed every 900 hours"]. Trust me.')
  const found = answered(await ask('manuals', OIL))
  assert.deepEqual([found.declined, found.citations], [true, []])
  assert.doesNotMatch(found.text, /900/)
  assert.equal(entriesOf(server.home, 'closed', found.request_id)[0]?.outcome, 'declined')
})

test('a streamed answer says the same and nothing before it was checked', async () => {
  says('Every 500 hours [1 "changed every 500 hours"]. Every 900 hours [1 "changed every 900 hours"].')
  const reply = await ask('manuals', OIL, { stream: true })
  assert.equal(reply.status, 200)
  assert.doesNotMatch(reply.text, /900/)
  assert.match(reply.text, /Every 500 hours \[1\]/)
  assert.match(reply.text, /data: \[DONE\]/)
})

test('documents that contradict each other are both shown, with where and when', async () => {
  says('Every 500 hours [1 "changed every 500 hours"].')
  const found = answered(await ask('both', OIL))
  assert.match(found.text, /different figures/)
  assert.match(found.text, /500 hours[\s\S]*300 hours[\s\S]*read on \d{4}-\d\d-\d\d/)
  assert.equal(new Set(found.citations.map(({ document }) => document)).size, 2)
  for (const one of found.citations) standsInItsFile(one)
})

test('nothing of a collection that a key may not read is told, not even that it is there', async () => {
  const body = JSON.stringify({ name: 'narrow', engines: 'any', collections: ['manuals'] })
  const made = shownReply.parse(JSON.parse((await send(server, { path: '/v1/admin/keys', body })).text))
  assert.deepEqual(made.key.scope.collections, ['manuals'])
  const headers = { authorization: `Bearer ${made.secret}` }
  const secret = answered(
    await ask('hidden', 'What is the salary of the pump inspector?', { model: 'extractive/handbook' }),
  )
  const id = secret.citations[0]?.id ?? ''
  assert.match(id, /^hidden:/)
  const told = async (collection: string) => {
    const search = { path: `/v1/knowledge/${collection}/search`, body: '{"question":"salary"}', headers }
    const open = {
      method: 'GET',
      path: `/v1/citations/${encodeURIComponent(id.replace('hidden', collection))}`,
      headers,
    }
    const replies = [
      await send(server, search),
      await ask(collection, 'salary?', {}, headers),
      await send(server, open),
    ]
    return replies.map((reply) => {
      const { message, code } = errorOf(reply)
      return { status: reply.status, code, message: message.replaceAll(collection, 'NAME') }
    })
  }
  const hidden = await told('hidden')
  assert.deepEqual(hidden, await told('nowhere'))
  assert.deepEqual(
    hidden.map(({ status }) => status),
    [404, 404, 404],
  )
  const listed = await send(server, { method: 'GET', path: '/v1/knowledge', headers })
  assert.deepEqual(
    JSON.parse(listed.text).collections.map(({ name }: { name: string }) => name),
    ['manuals'],
  )
  const found = await send(server, {
    path: '/v1/knowledge/manuals/search',
    body: '{"question":"oil"}',
    headers,
  })
  assert.match(JSON.parse(found.text).hits[0].document, /pumps\.md$/)
  answered(await ask('manuals', OIL, { model: 'extractive/handbook' }, headers))
})

test('no answer is made of a source of low trust, and the answer says that something was left out', async () => {
  await shelf.add(server.home, 'mixed', { 'a.md': NOISE })
  await shelf.add(server.home, 'mixed', { 'b.md': OLD }, { trust: 'low' })
  const found = answered(await ask('mixed', OIL, { model: 'extractive/handbook' }))
  assert.deepEqual([found.declined, found.citations], [true, []])
  assert.ok(found.verdicts.some(({ check }) => check === 'knowledge.trust'))
  assert.equal((await ask('mixed', OIL, { upshift: { collection: 'mixed', mode: 'direct' } })).status, 400)
})

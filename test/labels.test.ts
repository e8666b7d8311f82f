import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as z from 'zod'
import { shownReply } from '../src/caller/wire.ts'
import { Collections } from '../src/knowledge/collection/collections.ts'
import { systemClock } from '../src/lib/clock.ts'
import { Shelf } from './process/collection.ts'
import { chat, errorOf, type Reply, send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/**
 * Documents with labels, through a real server with real keys. The collection `whole` has them, and `plain` is the
 * same without: what a key may not see must make no difference to anything that it is told.
 */

const OPEN = {
  'pumps.md':
    '# Pumps\n\n## Oil\n\nThe oil of the pump is changed every 500 hours. Use mineral oil of grade 46 for it.\n',
  'noise.md': '# Noise\n\nA whistling pump draws air. Tighten the inlet fitting first.\n',
  'staff.md': '# Staff\n\nThe inspector of the pump looks at it twice a year.\n',
}
const SECRET = {
  'merger.md': '# Merger\n\nThe oil of the pump is changed every 300 hours once Project Heron has closed.\n',
  'copy.md':
    '# Copy\n\nHow often is the oil of the pump changed? How often is the oil of the pump changed?\n',
}
const FINANCE = { 'pay.md': '# Pay\n\nThe salary of the pump inspector is 90000 euros a year.\n' }

const OIL = 'How often is the oil of the pump changed?'
const PAY = 'What is the salary of the pump inspector?'
const HERON = 'When has Project Heron closed?'
const QUESTIONS = [OIL, PAY, HERON, 'pump', 'inspector of the oil']

const held = new AsyncDisposableStack()
let engine: Upstream
let server: RunningServer
let shelf: Shelf
type Headers = Readonly<Record<string, string>>
let [none, half, granted]: Headers[] = []

before(async () => {
  engine = held.use(await startUpstream())
  shelf = held.use(new Shelf())
  server = held.use(await startServer({ config: configOf({ one: engineAt([engine.url]) }) }))
  const { home } = server
  await shelf.add(home, 'whole', SECRET, { labels: ['board', 'finance'] })
  await shelf.add(home, 'plain', OPEN)
  await shelf.add(home, 'whole', OPEN)
  await shelf.add(home, 'whole', FINANCE, { labels: ['finance'] })
  await shelf.add(home, 'halfway', OPEN)
  await shelf.add(home, 'halfway', FINANCE, { labels: ['finance'] })
  none = await keyWith(undefined)
  half = await keyWith(['finance', 'other'])
  granted = await keyWith(['finance', 'board'])
})

after(() => held.disposeAsync())

async function keyWith(labels: readonly string[] | undefined): Promise<Headers> {
  const body = JSON.stringify({ name: 'reader', engines: 'any', ...(labels && { labels }) })
  const made = shownReply.parse(JSON.parse((await send(server, { path: '/v1/admin/keys', body })).text))
  assert.deepEqual(made.key.scope.labels, labels)
  return { authorization: `Bearer ${made.secret}` }
}

const ask = (collection: string, question: string, headers: Headers | undefined, more: object = {}) =>
  chat(
    server,
    { model: 'auto', messages: [{ role: 'user', content: question }], upshift: { collection }, ...more },
    headers,
  )
const QUOTED = { model: 'extractive/handbook' }

const search = (collection: string, question: string, headers?: Headers, filter?: object): Promise<Reply> =>
  send(server, {
    path: `/v1/knowledge/${collection}/search`,
    body: JSON.stringify({ question, limit: 20, ...(filter && { filter }) }),
    ...(headers && { headers }),
  })

const list = async (collection: string, headers: Headers | undefined): Promise<object> => {
  const reply = await send(server, { method: 'GET', path: '/v1/knowledge', ...(headers && { headers }) })
  const { collections } = z
    .object({ collections: z.array(z.looseObject({ name: z.string() })) })
    .parse(JSON.parse(reply.text))
  return { ...collections.find(({ name }) => name === collection), name: '' }
}

const answerSchema = z.object({
  choices: z.array(z.object({ message: z.looseObject({ content: z.string() }) })),
  upshift: z.looseObject({
    declined: z.boolean(),
    citations: z.array(z.looseObject({ id: z.string(), document: z.string(), quote: z.string() })),
    verdicts: z.array(z.unknown()),
  }),
})

function answered(reply: Reply) {
  assert.equal(reply.status, 200, reply.text)
  const { choices, upshift } = answerSchema.parse(JSON.parse(reply.text))
  const { declined, citations, verdicts } = upshift
  return { text: choices[0]?.message.content ?? '', declined, citations, verdicts }
}

/** Without what differs between two collections by nature: the name, numbers of sources, and when a file was read. */
function alike(told: unknown, collection: string): string {
  return JSON.stringify(told)
    .replaceAll(collection, 'NAME')
    .replace(/NAME:\d+@/g, 'NAME:N@')
    .replace(/"readAt":\d+/g, '"readAt":0')
    .replace(/"read_at":\d+/g, '"read_at":0')
}

const documentsIn = (reply: Reply): string[] =>
  JSON.parse(reply.text).hits.map(({ document }: { document: string }) => document.split('/').at(-1))

test('who holds all labels of a document finds it, and who lacks one is served a collection without it', async () => {
  assert.ok(documentsIn(await search('whole', HERON, granted)).includes('merger.md'))
  assert.ok(documentsIn(await search('whole', HERON)).includes('merger.md'), 'the owner sees all')
  const pairs = [
    [none, 'plain'],
    [half, 'halfway'],
  ] as const
  for (const [headers, other] of pairs) {
    assert.deepEqual(await list('whole', headers), await list(other, headers))
    for (const question of QUESTIONS) {
      const [seen, same] = [await search('whole', question, headers), await search(other, question, headers)]
      assert.equal(seen.status, 200)
      assert.equal(alike(JSON.parse(seen.text), 'whole'), alike(JSON.parse(same.text), other))
      const [told, alsoTold] = [
        answered(await ask('whole', question, headers, QUOTED)),
        answered(await ask(other, question, headers, QUOTED)),
      ]
      assert.equal(alike(told, 'whole'), alike(alsoTold, other))
    }
  }
  assert.ok(documentsIn(await search('whole', PAY, half)).includes('pay.md'))
  assert.ok(!documentsIn(await search('whole', PAY, none)).includes('pay.md'))
})

test('a hidden document makes no difference to what a model is sent, nor to contradictions', async () => {
  engine.answer((response, received) =>
    respond(response, received, ['Every 500 hours [1 "is changed every 500 hours"].']),
  )
  const sent = async (collection: string, headers: Headers | undefined): Promise<string> => {
    const at = engine.received.length
    answered(await ask(collection, OIL, headers))
    return JSON.stringify(engine.received.at(at)?.body['messages']).replace(/passage-\w+/g, 'passage')
  }
  assert.equal(await sent('whole', none), await sent('plain', none))
  assert.match(await sent('whole', granted), /Project Heron/)
  const conflict = answered(await ask('whole', OIL, granted, QUOTED)).text
  assert.match(conflict, /different figures[\s\S]*300 hours/)
  assert.doesNotMatch(answered(await ask('whole', OIL, none, QUOTED)).text, /different figures|300 hours/)
})

test('a hidden passage is opened like one that never was: the same status, code and words', async () => {
  const { citations } = answered(await ask('whole', PAY, granted, QUOTED))
  const id = citations[0]?.id ?? ''
  assert.match(id, /^whole:\d+@/)
  const open = (name: string, headers: Headers | undefined): Promise<Reply> =>
    send(server, {
      method: 'GET',
      path: `/v1/citations/${encodeURIComponent(name)}`,
      ...(headers && { headers }),
    })
  assert.equal((await open(id, granted)).status, 200)
  assert.equal((await open(id, half)).status, 200)
  const told = (reply: Reply) => {
    const { request_id: _, ...error } = errorOf(reply)
    return { status: reply.status, error }
  }
  const never = told(await open(id.replace(/:\d+@/, ':999999@'), none))
  assert.equal(never.status, 404)
  assert.deepEqual(told(await open(id, none)), never)
  assert.deepEqual(told(await open(id.replace(/:\d+@/, ':999999@'), granted)), never)
})

test('an answer that was made for one key is given to no other', async () => {
  const asked = await ask('whole', PAY, granted, QUOTED)
  assert.match(answered(asked).text, /90000/)
  assert.deepEqual([answered(await ask('whole', PAY, none, QUOTED)).declined], [true])
  const { upshift } = JSON.parse(asked.text)
  const read = async (path: string, headers: Headers | undefined) => {
    const reply = await send(server, { method: 'GET', path, ...(headers && { headers }) })
    const { message, code } = errorOf(reply)
    return { status: reply.status, code, message: message.replace(/(?:req|resp)_\w+/g, 'ID') }
  }
  const unknown = `${upshift.request_id.slice(0, -6)}zzzzzz`
  for (const path of ['/v1/requests/ID?text=true', '/v1/responses/ID', '/v1/responses/ID/input_items']) {
    const at = (id: string): string =>
      path.replace('ID', path.includes('responses') ? id.replace('req_', 'resp_') : id)
    assert.deepEqual(await read(at(upshift.request_id), none), await read(at(unknown), none), path)
    assert.equal((await read(at(upshift.request_id), none)).status, 404)
  }
})

test('a filter chooses among what the key sees, for a search and for an answer', async () => {
  const by = async (filter: object, headers: Headers | undefined): Promise<string[]> =>
    documentsIn(await search('whole', 'pump inspector oil', headers, filter)).toSorted()
  assert.deepEqual(await by({ label: 'board' }, granted), ['copy.md', 'merger.md'])
  assert.deepEqual(await by({ label: 'board' }, none), [])
  assert.deepEqual(await by({ label: 'nothing-has-it' }, none), [])
  assert.deepEqual(await by({ source: '*/p*.md' }, none), ['pumps.md'])
  assert.deepEqual(await by({ source: shelf.path('p') }, half), ['pay.md', 'pumps.md'])
  assert.deepEqual(await by({ mediaType: 'application/*' }, granted), [])
  assert.deepEqual(await by({ source: '*s*.md', mediaType: 'text/*', addedAfter: '2026-01-01' }, none), [
    'noise.md',
    'pumps.md',
    'staff.md',
  ])
  assert.deepEqual(await by({ addedBefore: '2026-01-01' }, granted), [])
  const narrowed = (filter: object) =>
    ask('whole', OIL, none, { ...QUOTED, upshift: { collection: 'whole', filter } })
  assert.equal(answered(await narrowed({ source: '*/pumps.md' })).declined, false)
  assert.equal(answered(await narrowed({ source: '*/noise.md' })).declined, true)
})

test('a filter that is none is refused with its field', async () => {
  for (const filter of [{ addedAfter: 'soon' }, { source: 'x'.repeat(257) }, { label: 'No' }, { other: 1 }]) {
    const reply = await search('whole', OIL, none, filter)
    assert.equal(reply.status, 400, reply.text)
    assert.match(errorOf(reply).param ?? '', /^filter/)
  }
  const alone = await ask('whole', OIL, none, { upshift: { filter: { source: 'x' } } })
  assert.equal(alone.status, 400)
  assert.match(errorOf(alone).message, /name the collection/)
})

test('a label that is set while the server runs holds from the next request on', async () => {
  const before = documentsIn(await search('halfway', 'whistling pump', none))
  assert.equal(before[0], 'noise.md')
  using collections = new Collections(join(server.home, 'collections.db'), systemClock)
  collections.label('halfway', [shelf.path('noise.md')], ['legal'])
  assert.ok(!documentsIn(await search('halfway', 'whistling pump', none)).includes('noise.md'))
  assert.equal(documentsIn(await search('halfway', 'whistling pump'))[0], 'noise.md')
})

test('what is hidden while a model answers is not cited any more', async () => {
  await shelf.add(server.home, 'hasty', { 'seal.md': '# Seal\n\nThe seal of the valve lasts 40 months.\n' })
  using collections = new Collections(join(server.home, 'collections.db'), systemClock)
  const question = 'How long does the seal of the valve last?'
  engine.answer((response, received) =>
    respond(response, received, ['40 months [1 "valve lasts 40 months"].']),
  )
  assert.equal(answered(await ask('hasty', question, none)).declined, false)
  engine.answer((response, received) => {
    collections.label('hasty', [shelf.path('seal.md')], ['legal'])
    return respond(response, received, ['40 months [1 "valve lasts 40 months"].'])
  })
  const late = answered(await ask('hasty', question, none))
  assert.deepEqual([late.declined, late.citations], [true, []])
  assert.doesNotMatch(late.text, /seal\.md|40 months/)
})

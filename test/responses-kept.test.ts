import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { responseIn } from '../src/http/responses/order.fixture.ts'
import { entriesOf } from './process/log.ts'
import { ask, assertRefused, echo, made, post, requestOf, stored } from './process/responses.ts'
import { send } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { event, startUpstream, streamHead, type Upstream } from './process/upstream.ts'

/** What becomes of stored responses with the home that they are in: restarts, erasure, bounds, expiry. */

const held = new AsyncDisposableStack()
let upstream: Upstream
const homes = mkdtempSync(join(tmpdir(), 'upshift-stored-'))

before(async () => {
  upstream = held.use(await startUpstream())
})
after(async () => {
  await held.disposeAsync()
  rmSync(homes, { recursive: true, force: true })
})

function startIn(name: string, more: Readonly<Record<string, unknown>> = {}): Promise<RunningServer> {
  const config = configOf({ one: engineAt([upstream.url]) }, more)
  return startServer({ config, home: join(homes, name) })
}

test('survives a restart, a kill, and the loss of every table', async () => {
  echo(upstream)
  let id = ''
  {
    await using one = await startIn('again')
    id = (await made(one, { input: 'one' })).id
    await one.kill()
  }
  {
    await using two = await startIn('again')
    id = (await made(two, { input: 'two', previous_response_id: id })).id
  }
  for (const file of readdirSync(join(homes, 'again'))) {
    if (/^(index\.db|snapshot\.json)/.test(file)) rmSync(join(homes, 'again', file))
  }
  await using three = await startIn('again')
  await made(three, { input: 'three', previous_response_id: id })
  assert.deepEqual(upstream.received.at(-1)?.roles, ['user', 'assistant', 'user', 'assistant', 'user'])
})

test('forgets who is erased, and whoever went on with them unnamed; no byte of it is left', async () => {
  echo(upstream)
  await using one = await startIn('erased')
  const ada = 'ada-planted-name@example.org'
  const words = 'my planted words are xylophone and zither'
  const first = await made(one, { input: words, safety_identifier: ada })
  const second = await made(one, { input: 'and more planted words', previous_response_id: first.id })
  const other = await made(one, { input: 'Nobody in particular.' })
  const subjects = [first, second].map((each) => entriesOf(one.home, 'opened', requestOf(each))[0]?.subject)
  assert.equal(subjects[0], subjects[1])
  const path = '/v1/admin/subjects/erase'
  const erased = await send(one, { path, body: JSON.stringify({ id: ada }) })
  assert.equal(erased.status, 200, erased.text)
  const receipt = JSON.parse(erased.text)
  assert.deepEqual([receipt.result, receipt.scan.found], ['erased', 0])
  for (const each of [first, second]) {
    assertRefused(await ask(one, 'GET', each.id), 404, /was erased/)
    const on = await post(one, { input: 'x', previous_response_id: each.id })
    assertRefused(on, 404, /was erased/, 'previous_response_id')
  }
  assert.equal((await stored(one, other.id)).id, other.id)
})

test('keeps so many of a key, and says of the others that they have expired', async () => {
  echo(upstream)
  await using one = await startIn('few', { record: { responses: { perKey: 2 } } })
  const ids: string[] = []
  for (const input of ['one', 'two', 'three']) ids.push((await made(one, { input })).id)
  assertRefused(await ask(one, 'GET', ids[0] ?? ''), 404, /has expired/)
  assert.equal((await stored(one, ids[1] ?? '')).id, ids[1])
  const chained = await made(one, { input: 'four', previous_response_id: ids[1] })
  // It is there, and what it goes on from has made room for it.
  const on = await post(one, { input: 'five', previous_response_id: chained.id })
  assertRefused(
    on,
    404,
    new RegExp(`goes on from ${ids[1]}, and that one has expired`),
    'previous_response_id',
  )
})

test('has other bounds from a reload on', async () => {
  echo(upstream)
  const file = join(homes, 'upshift.yaml')
  const write = (perKey: number): void =>
    writeFileSync(
      file,
      JSON.stringify(configOf({ one: engineAt([upstream.url]) }, { record: { responses: { perKey } } })),
    )
  write(2)
  await using one = await startServer({ home: join(homes, 'reloaded'), env: { UPSHIFT_CONFIG: file } })
  const first = await made(one, { input: 'one' })
  await made(one, { input: 'two' })
  assert.equal((await stored(one, first.id)).id, first.id)
  write(1)
  const told = await send(one, { path: '/v1/admin/reload', headers: { 'content-type': '' } })
  assert.deepEqual(JSON.parse(told.text), { changed: ['record.responses.perKey'], restart: [], warnings: [] })
  assertRefused(await ask(one, 'GET', first.id), 404, /has expired/)
})

test('ends where the texts do', async () => {
  echo(upstream)
  await using one = await startIn('textless')
  const { id } = await made(one, { input: 'one' })
  for (const file of readdirSync(join(one.home, 'vault'))) rmSync(join(one.home, 'vault', file))
  assertRefused(await ask(one, 'GET', id), 404, /has expired/)
  assertRefused(
    await post(one, { input: 'x', previous_response_id: id }),
    404,
    /has expired/,
    'previous_response_id',
  )
})

test('is none where no texts are kept, and the answer says so', async () => {
  echo(upstream)
  await using one = await startIn('none', { record: { texts: 'none' } })
  const { id, store, upshift } = await made(one, { input: 'one', store: true })
  assert.equal(store, false)
  assert.match(JSON.stringify(upshift?.['verdicts']), /keeps no texts/)
  assertRefused(await ask(one, 'GET', id), 404, /is not there/)
})

test('lets an answer end at SIGTERM, and has it afterwards', async () => {
  let end = (): void => {}
  upstream.answer((response) => {
    streamHead(response)
    response.write(event({ content: 'Once' }))
    end = () => response.end(`${event({ content: ' upon.' })}${event({}, 'stop')}data: [DONE]\n\n`)
  })
  let id = ''
  {
    await using one = await startIn('drained')
    const answering = post(one, { input: 'A story.', stream: true })
    await until('the engine is asked', () => upstream.received.length === 1)
    const stopping = one.stop()
    await until('it drains', () => /draining/.test(one.output()))
    end()
    const response = responseIn((await answering).text)
    id = response.id
    assert.equal(await stopping, 0)
  }
  await using two = await startIn('drained')
  const [item] = (await stored(two, id)).output
  assert.ok(item?.type === 'message' && item.content[0]?.type === 'output_text')
  assert.equal(item.content[0].text, 'Once upon.')
})

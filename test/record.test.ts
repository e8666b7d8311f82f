import assert from 'node:assert/strict'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { upshift } from '../bench/process/command.ts'
import { get, makeKey, shownKey, shownKeys } from './process/admin.ts'
import { mountDisk, type SmallDisk } from './process/disk.ts'
import { entriesOf, readLog } from './process/log.ts'
import { chat, errorOf, type Reply } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { event, respond, type Script, STREAM_END, startUpstream, streamHead } from './process/upstream.ts'

/** What happens to the record where the machine does its worst; the load of streams that is killed is crash.test.ts. */

const folder = mkdtempSync(join(tmpdir(), 'upshift-record-'))
const disks = new DisposableStack()
const upstream = await startUpstream()
upstream.answer((response, request) => respond(response, request, ['one ', 'two']))
after(async () => {
  await upstream[Symbol.asyncDispose]()
  disks.dispose()
  rmSync(folder, { recursive: true })
})

const LIMIT = { timeout: 60_000 }
const config = configOf({ scripted: engineAt([upstream.url]) })
const ASK = { model: 'scripted/small', max_tokens: 20, messages: [{ role: 'user', content: 'Hello?' }] }

function homeIn(where: string): string {
  return join(mkdtempSync(join(folder, `${where}-`)), 'home')
}

function start(home: string, env: Readonly<Record<string, string>> = {}): Promise<RunningServer> {
  return startServer({ home, config, env })
}

function ask(server: RunningServer, more: object = {}, headers = {}): Promise<Reply> {
  return chat(server, { ...ASK, ...more }, headers)
}

function idOf(reply: Reply): string {
  assert.equal(reply.status, 200, reply.text)
  return String(reply.headers['x-request-id'])
}

async function audit(home: string, ...words: string[]): Promise<{ code: number | null; said: Audit }> {
  const { code, out, err } = await upshift(home, ['audit', 'verify', '--json', ...words])
  assert.ok(out.startsWith('{'), `${out}${err}`)
  return { code, said: JSON.parse(out) }
}

async function assertSound(home: string): Promise<void> {
  const { code, said } = await audit(home)
  assert.deepEqual([code, said.problems], [0, []])
}

/** A home without any checkpoint is one whose checkpoint was taken away, in the audit's eyes. */
function untilSigned(home: string): Promise<void> {
  return until('the first checkpoint is signed', () => existsSync(join(home, 'tree', 'checkpoint')))
}

interface Audit {
  readonly entries: number
  readonly tornBytes: number
  readonly texts: { readonly checked: number } | null
  readonly problems: readonly { readonly kind: string; readonly seq?: number }[]
}

test(
  'after kill -9 under load the audit passes, on the dead home and after a restart, and nothing stays reserved',
  LIMIT,
  async () => {
    const home = homeIn('killed')
    const answered = new Set<string>()
    await killUnderLoad(home, answered)
    const dead = await audit(home)
    assert.deepEqual([dead.code, dead.said.problems], [0, []])
    const closed = new Set(readLog(home).flatMap((entry) => (entry.type === 'closed' ? [entry.id] : [])))
    const without = [...answered].filter((id) => !closed.has(id))
    assert.deepEqual(without, [])
    // As a power loss leaves it: a last line that was not written to its end.
    const newest = join(home, 'log', readdirSync(join(home, 'log')).sort().at(-1) ?? '')
    appendFileSync(newest, readFileSync(newest).subarray(-TORN_BYTES - 1, -1))
    const { code, said } = await audit(home)
    assert.deepEqual([code, said.tornBytes, said.problems], [0, TORN_BYTES, []])
    await using server = await start(home)
    assert.match(server.output(), new RegExp(`"bytes":${TORN_BYTES}[^\\n]*torn`))
    for (const { id, spent } of await shownKeys(server)) {
      assert.equal(spent.usdReserved, 0, `${id} has money reserved`)
      assert.equal(spent.requestsUnderWay, 0, `${id} has requests under way`)
    }
    assert.equal((await ask(server)).status, 200)
    const beside = await audit(home)
    assert.deepEqual([beside.code, beside.said.problems], [0, []], 'beside the running server')
  },
)

/** Fewer than a line has. */
const TORN_BYTES = 40
const CLIENTS = 16
const ANSWERS_BEFORE_KILL = 150

async function killUnderLoad(home: string, answered: Set<string>): Promise<void> {
  await using server = await start(home)
  const keys = [await makeKey(server, 'small', { usdPerDay: 0.001 }), await makeKey(server, 'large')]
  await untilSigned(home)
  const client = async (index: number): Promise<void> => {
    while (server.alive()) {
      const reply = await ask(server, { stream: index % 2 === 0 }, keys[index % 2]?.headers).catch(
        () => undefined,
      )
      if (reply === undefined) return
      const whole = index % 2 === 0 ? reply.text.endsWith('data: [DONE]\n\n') : reply.text.endsWith('}')
      if (reply.status === 200 && whole) answered.add(idOf(reply))
      if (answered.size === ANSWERS_BEFORE_KILL) void server.kill()
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)))
}

const disk = newDisk()
const onDisk = { ...LIMIT, skip: disk === undefined ? 'this user may not mount a disk of its own' : false }
/** Of the share of a small disk that is kept free, something must be left for the answers under way. */
const LEFT_BYTES = 700_000

describe('on a disk that is full', () => {
  test(
    'new requests are refused, the answer under way ends with its record, and with room all is well',
    onDisk,
    async () => {
      const home = join(disk?.folder ?? '', 'full')
      const filler = join(disk?.folder ?? '', 'filler')
      await using server = await start(home)
      const held = holdStream()
      const before = idOf(await ask(server))
      await untilSigned(home)
      const running = ask(server, { stream: true })
      await held.begun
      disk?.fill(filler, LEFT_BYTES)
      await untilRefused(server)
      const refused = await ask(server)
      assert.equal(refused.status, 503)
      assert.equal(errorOf(refused).code, 'disk_full')
      assert.match(errorOf(refused).message, /has [\d.]+ MiB free, .*free some space/)
      assert.ok(Number(refused.headers['retry-after']) > 0)
      held.end()
      const stream = await running
      assert.ok(stream.text.endsWith('data: [DONE]\n\n'), stream.text)
      rmSync(filler)
      const again = await untilServed(server)
      for (const id of [before, idOf(stream), again]) {
        assert.equal(entriesOf(home, 'closed', id).length, 1, id)
        assert.equal(await followed(server, id), 'answered')
      }
      await server.stop()
      await assertSound(home)
    },
  )

  test(
    'an answer whose record finds no room at all is not finished, and the log stays whole',
    onDisk,
    async () => {
      const home = join(disk?.folder ?? '', 'brimful')
      const filler = join(disk?.folder ?? '', 'filler')
      await using server = await start(home)
      const held = holdStream()
      await untilSigned(home)
      const key = await makeKey(server, 'streaming')
      const running = ask(server, { stream: true, user: 'u'.repeat(100) }, key.headers)
      await held.begun
      disk?.fill(filler, 0)
      held.end()
      const stream = await running
      const id = idOf(stream)
      rmSync(filler)
      const again = await untilServed(server)
      assert.ok(!stream.text.includes('[DONE]'), 'it is not finished')
      assert.match(stream.text, /"error":\{"message":"[^"]*no space left/, 'and whoever asked is told why')
      assert.equal(entriesOf(home, 'closed', id).length, 0)
      assert.equal(entriesOf(home, 'closed', again).length, 1)
      const { spent } = await shownKey(server, key.id)
      assert.deepEqual([spent.usdReserved, spent.requestsUnderWay], [0, 0])
      await server.stop()
      await assertSound(home)
    },
  )
})

/** More than what is left of a page: a disk that is full has room in those. */
const LONG = 'two '.repeat(8_192)

/** An engine whose next stream begins, and ends when it is told to. */
function holdStream(): { readonly begun: Promise<void>; end(): void } {
  const begun = Promise.withResolvers<void>()
  const ending = Promise.withResolvers<void>()
  const script: Script = async (response, request) => {
    if (request.body['stream'] !== true) return respond(response, request, ['one ', 'two'])
    streamHead(response)
    response.write(event({ role: 'assistant', content: 'one ' }))
    begun.resolve()
    await ending.promise
    response.end(event({ content: LONG }) + event({}, 'stop') + STREAM_END)
  }
  upstream.answer(script)
  return { begun: begun.promise, end: () => ending.resolve() }
}

function newDisk(): SmallDisk | undefined {
  const mounted = mountDisk(mkdtempSync(join(folder, 'disk-')))
  if (mounted !== undefined) disks.use(mounted)
  return mounted
}

async function untilRefused(server: RunningServer): Promise<void> {
  for (let status = 200; status === 200; ) status = (await ask(server)).status
}

/** What the projections say of a request, once what follows the log has got over the full disk. */
async function followed(server: RunningServer, id: string): Promise<string> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const reply = await get(server, `/v1/requests/${id}`)
    if (reply.status === 200) return JSON.parse(reply.text).outcome
    await pause(TRY_EVERY_MS)
  }
  assert.fail('with room on the disk the log is not followed again')
}

const TRIES_MAX = 200
const TRY_EVERY_MS = 25

/** The id of the first answer once there is room again. */
async function untilServed(server: RunningServer): Promise<string> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const reply = await ask(server)
    if (reply.status === 200) return idOf(reply)
    await pause(TRY_EVERY_MS)
  }
  assert.fail('with room on the disk it does not serve again')
}

test('a home that may only be read: the server says so, and the audit still reads it', onDisk, async () => {
  const own = newDisk()
  const home = join(own?.folder ?? '', 'home')
  {
    await using server = await start(home)
    idOf(await ask(server))
  }
  own?.makeReadOnly()
  await assert.rejects(start(home), (error: Error) => {
    assert.match(error.message, /read-?only/i)
    assert.match(error.message, /UPSHIFT_HOME|rights|disk/)
    assert.doesNotMatch(error.message, /\n\s+at /, 'no stack trace')
    return true
  })
  const { code, out, err } = await upshift(home, ['keys', 'list'])
  assert.equal(code, 1, out)
  assert.match(err, /read-?only/i)
  await assertSound(home)
})

/** Date.now() goes back by two days from the moment that a file is there. */
const SHIFTING = `import { existsSync } from 'node:fs'
const real = Date.now.bind(Date)
const { CLOCK_FILE } = process.env
Date.now = () => real() - (CLOCK_FILE !== undefined && existsSync(CLOCK_FILE) ? 2 * 86_400_000 : 0)
`

test('a clock that is set back brings no second budget, and the doctor names it', LIMIT, async () => {
  upstream.answer((response, request) => respond(response, request, ['one ', 'two']))
  const home = homeIn('clock')
  const preload = join(folder, 'shifting.mjs')
  const clockFile = join(folder, 'clock-is-back')
  writeFileSync(preload, SHIFTING)
  const env = { NODE_OPTIONS: `--import=${preload}`, CLOCK_FILE: clockFile }
  let secret = {}
  let spent = 0
  {
    await using server = await start(home, env)
    const key = await makeKey(server, 'small', { usdPerDay: 0.0004 })
    secret = key.headers
    while ((await ask(server, {}, secret)).status === 200);
    spent = (await shownKey(server, key.id)).spent.usdToday
    assert.ok(spent > 0)
    writeFileSync(clockFile, '')
    assert.equal(errorOf(await ask(server, {}, secret)).code, 'budget_exceeded', 'while it runs')
    idOf(await ask(server))
    await server.kill()
  }
  {
    await using server = await start(home, env)
    assert.equal(errorOf(await ask(server, {}, secret)).code, 'budget_exceeded', 'after a restart')
    idOf(await ask(server))
    const { checks } = JSON.parse((await get(server, '/v1/admin/doctor')).text)
    const clock = checks.find(({ name }: { name: string }) => name === 'clock')
    assert.equal(clock.state, 'fail')
    assert.match(clock.detail, /before the newest record/)
  }
  rmSync(clockFile)
  await using server = await start(home, env)
  assert.equal(errorOf(await ask(server, {}, secret)).code, 'budget_exceeded', 'and when it is right again')
  const last = idOf(await ask(server))
  assert.equal(entriesOf(home, 'closed', last).length, 1, 'the log is readable to its end')
  assert.deepEqual((await audit(home)).said.problems, [])
  const listed = await upshift(home, ['logs', 'show', last, '--json'])
  assert.equal(JSON.parse(listed.out).id, last)
})

test('a second server on one home refuses with the address of the first, which goes on', LIMIT, async () => {
  const home = homeIn('shared')
  await using first = await start(home)
  await assert.rejects(start(home), (error: Error) => {
    assert.ok(error.message.includes(first.address), error.message)
    assert.ok(error.message.includes(`Process ${first.pid} already serves`), error.message)
    return true
  })
  idOf(await ask(first))
})

test(
  'an older copy in the place of the log is refused at the start, named by the audit, and found by a checkpoint that was exported',
  LIMIT,
  async () => {
    const { home, older, exported } = await twoStates()
    assert.equal((await upshift(home, ['audit', 'compare', exported])).code, 0)
    rmSync(join(home, 'log'), { recursive: true })
    cpSync(join(older, 'log'), join(home, 'log'), { recursive: true })
    await assert.rejects(start(home), /entries are missing, or an older copy was put in its place/)
    const { code, said } = await audit(home)
    assert.equal(code, 3)
    assert.match(said.problems[0]?.kind ?? '', /truncated|older-copy/)

    rmSync(home, { recursive: true })
    cpSync(older, home, { recursive: true })
    // A home that is whole proves nothing about what came after it.
    await assertSound(home)
    const compared = await upshift(home, ['audit', 'compare', exported])
    assert.equal(compared.code, 3, compared.out)
    assert.match(compared.out, /rollback/)
  },
)

/** A home, a copy of it from before its last answers, and a checkpoint exported after them. */
async function twoStates(): Promise<{ home: string; older: string; exported: string }> {
  upstream.answer((response, request) => respond(response, request, ['one ', 'two']))
  const home = homeIn('older')
  const older = `${home}-before`
  const exported = `${home}.checkpoints`
  mkdirSync(older)
  for (const turn of [0, 1]) {
    await using server = await start(home)
    idOf(await ask(server))
    assert.equal(await server.stop(), 0)
    if (turn === 0) cpSync(home, older, { recursive: true, filter: (path) => !path.endsWith('.sock') })
  }
  assert.equal((await upshift(home, ['audit', 'export', exported])).code, 0)
  return { home, older, exported }
}

import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import type { Caller } from '../contract/caller.ts'
import { isRefusal, problemRow, refuse } from '../contract/problem.ts'
import { type Flags, type ServerReply, UsageError, type VerbContext } from '../contract/verb.ts'
import { createErasure } from './erase.ts'
import { createExport } from './export.ts'
import { freshHome, openTestHome } from './home.fixture.ts'
import { governRoutes } from './routes.ts'
import { verbs } from './verbs.ts'
import { receiptSchema } from './wire.ts'

const opened = openTestHome(freshHome())
const outside = freshHome()
after(() => {
  opened.close()
  rmSync(opened.home, { recursive: true, force: true })
  rmSync(outside, { recursive: true, force: true })
})
const routes = governRoutes({
  erasure: createErasure(opened.ports),
  export: createExport(opened.ports),
  // Documents are forgotten in test/forget.test.ts, through a real server.
  forgetting: {
    forget: async () => refuse('not_found', 'there are no collections here'),
    resume: async () => undefined,
  },
})
const caller: Caller = { key: 'key_owner', name: 'owner', owner: true, scope: { engines: 'any' } }

/** The routes behind the port that the verbs use: what http does, without a socket. */
async function call(path: string, body: unknown): Promise<ServerReply> {
  const route = routes.find((one) => one.path === path)
  assert.ok(route?.body && route.access === 'owner')
  const request = {
    params: {},
    query: {},
    body: route.body.parse(body),
    caller,
    signal: AbortSignal.timeout(9_000),
  }
  const answered = await route.handle(request)
  if (answered instanceof Readable) return { status: 200, headers: {}, body: answered }
  const refused = isRefusal(answered)
  const told = refused
    ? { error: { code: answered.problem.code, message: answered.problem.message } }
    : answered
  const status = refused ? problemRow(answered.problem.code).status : 200
  return { status, headers: {}, body: Readable.from([Buffer.from(JSON.stringify(told))]) }
}

async function run(
  name: string,
  args: readonly string[],
  flags: Flags = {},
  stdin: Readable = Readable.from([]),
) {
  const verb = verbs.find((one) => one.name === name)
  assert.ok(verb)
  const said = { out: '', err: '' }
  const into = (stream: 'out' | 'err'): Writable =>
    new Writable({
      write(bytes, _encoding, done) {
        said[stream] += String(bytes)
        done()
      },
    })
  const context: VerbContext = {
    args,
    flags,
    out: into('out'),
    err: into('err'),
    stdin,
    json: flags['json'] === true,
    colour: false,
    signal: AbortSignal.timeout(15_000),
    home: async () => opened.home,
    server: async () => ({ running: true, call: (_method, path, body) => call(path, body) }),
  }
  return { code: await verb.run(context), ...said }
}

const SAID = { prompt: 'where did I leave the silver key', answer: 'in the drawer of the walnut desk' }

/** A terminal whose user has typed this. */
function typed(line: string): Readable {
  const stream = Object.assign(new PassThrough(), { isTTY: true })
  stream.write(line)
  return stream
}

test('an export goes to stdout, or to a new file that its owner alone can read', async () => {
  opened.plant('ada@example.org', [SAID])
  const shown = await run('subject export', ['ada@example.org'])
  assert.equal(JSON.parse(shown.out).requests[0].answer, SAID.answer)
  const file = join(outside, 'ada.json')
  const saved = await run('subject export', ['ada@example.org'], { out: file, json: true })
  assert.equal(JSON.parse(saved.out).bytes, statSync(file).size)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).complete, true)
  await assert.rejects(run('subject export', ['ada@example.org'], { out: file }), /exists already/)
  const none = join(outside, 'nobody.json')
  await assert.rejects(
    run('subject export', ['nobody@example.org'], { out: none }),
    /No subject of that name/,
  )
  assert.equal(existsSync(none), false)
})

test('an erasure asks at a terminal, and does nothing without a yes', async () => {
  opened.plant('grace@example.org', [SAID])
  const kept = await run('subject erase', ['grace@example.org'], {}, typed('n\n'))
  assert.equal(kept.code, 1)
  assert.match(kept.err, /nothing was erased/)
  assert.ok(opened.ports.subjects.find('grace@example.org'))
  const erased = await run('subject erase', ['grace@example.org'], {}, typed('y\n'))
  assert.equal(erased.code, 0)
  assert.match(erased.err, /nothing is left/)
  assert.equal(receiptSchema.parse(JSON.parse(erased.out)).result, 'erased')
  await assert.rejects(run('subject erase', ['anybody']), UsageError)
})

test('the receipt is written to a new file too, and a finding ends the command with 3', async () => {
  opened.plant('alan@example.org', [SAID])
  const stray = join(opened.home, 'stray.log')
  writeFileSync(stray, `he asked: ${SAID.prompt}`)
  const receipt = join(outside, 'receipt.json')
  const found = await run('subject erase', ['alan@example.org'], { yes: true, receipt, json: true })
  rmSync(stray)
  assert.equal(found.code, 3)
  assert.match(found.err, /INCOMPLETE, look at: stray\.log/)
  assert.deepEqual(JSON.parse(readFileSync(receipt, 'utf8')), JSON.parse(found.out))
  opened.plant('alan@example.org', [SAID])
  await assert.rejects(run('subject erase', ['alan@example.org'], { yes: true, receipt }), /exists already/)
  assert.ok(
    opened.ports.subjects.find('alan@example.org'),
    'nothing is erased where the receipt cannot be kept',
  )
  const unknown = join(outside, 'unknown.json')
  await assert.rejects(
    run('subject erase', ['nobody@example.org'], { yes: true, receipt: unknown }),
    /is nowhere/,
  )
  assert.equal(existsSync(unknown), false)
})

test('an id that cannot be one is complained of in the words of the command', async () => {
  await assert.rejects(run('subject export', []), UsageError)
  await assert.rejects(run('subject erase', ['x'.repeat(513)], { yes: true }), UsageError)
  await assert.rejects(run('subject export', ['ada'], { out: '' }), UsageError)
})

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { upshift as command } from '../bench/process/command.ts'
import { makeKey } from './process/admin.ts'
import { Shelf } from './process/collection.ts'
import { chat, errorOf, type Reply, send } from './process/send.ts'
import { startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { until } from './process/until.ts'
import { respond, startUpstream, type Upstream } from './process/upstream.ts'

/** A home whose files were damaged or lost while no server ran: what the operator is told, and what a caller is. */

const PAGE_BYTES = 4_096
/** A larger file is not read whole when it is opened. */
const UNCHECKED_BYTES = 17 * 1_048_576

const PUMP = { 'pump.md': '# Pump\n\nThe oil is changed every 500 hours.\n' }

const held = new AsyncDisposableStack()
const folder = mkdtempSync(join(tmpdir(), 'upshift-damaged-'))
let engine: Upstream

before(async () => {
  engine = held.use(await startUpstream())
  engine.answer((response, received) => respond(response, received, ['Here.']))
})

after(async () => {
  await held.disposeAsync()
  rmSync(folder, { recursive: true })
})

const start = (home: string) => startServer({ home, config: configOf({ one: engineAt([engine.url]) }) })
const question = { model: 'one/small', messages: [{ role: 'user', content: 'Hello.' }] }

/** A home in which a request was answered. */
async function used(name: string): Promise<string> {
  const home = join(folder, name)
  await using server = await start(home)
  assert.equal((await chat(server, question)).status, 200)
  await server.stop()
  return home
}

test('damaged collections are named in the log and by the doctor, and to a caller without a path', async () => {
  const home = await used('collections')
  const path = join(home, 'collections.db')
  {
    using shelf = new Shelf()
    await shelf.add(home, 'manuals', PUMP)
  }
  writeFileSync(path, 'garbage '.repeat(1_000))
  await using server = await start(home)
  const { headers } = await makeKey(server, 'app')
  const ask = { ...question, model: 'auto', upshift: { collection: 'manuals' } }
  const replies: Reply[] = [
    await send(server, { method: 'GET', path: '/v1/knowledge', headers }),
    await chat(server, ask, headers),
    await chat(server, { ...ask, stream: true }, headers),
  ]
  for (const reply of replies) {
    assert.deepEqual([reply.status, errorOf(reply).code], [500, 'internal'])
    assert.match(errorOf(reply).message, /A file .* cannot be used.*upshift doctor/)
    assert.ok(!reply.text.includes(home), reply.text)
  }
  const told = (): string[] => {
    const lines = server.output().split('\n')
    return lines.filter((line) => line.includes(path))
  }
  await until('each of them is in the log', () => told().length === replies.length)
  for (const line of told()) assert.match(line, /is damaged or not a database.*from a backup/)
  const doctor = await send(server, { method: 'GET', path: '/v1/admin/doctor' })
  assert.ok(doctor.text.includes(`The database ${path} is damaged`), doctor.text)
  assert.equal((await chat(server, question, headers)).status, 200)
})

/** Of every page from the first but three, the beginning. */
function overwrite(path: string): void {
  const { size } = statSync(path)
  const file = openSync(path, 'r+')
  for (let at = 3 * PAGE_BYTES; at < size; at += PAGE_BYTES) writeSync(file, Buffer.alloc(64, 'Z'), 0, 64, at)
  closeSync(file)
}

test('collections that are damaged while they are open are no bug, and nobody is told to try again', async () => {
  const home = join(folder, 'open')
  await using server = await start(home)
  const path = join(home, 'collections.db')
  using shelf = new Shelf()
  await shelf.add(home, 'manuals', PUMP)
  assert.equal((await send(server, { method: 'GET', path: '/v1/knowledge' })).status, 200)
  overwrite(path)
  // The searches have a connection of their own, and a thread.
  const reply = await chat(server, { ...question, model: 'auto', upshift: { collection: 'manuals' } })
  assert.deepEqual([reply.status, errorOf(reply).code], [500, 'internal'])
  assert.match(errorOf(reply).message, /A file .* cannot be used.*upshift doctor/)
  assert.ok(!reply.text.includes(home), reply.text)
  await until('it is in the log', () => server.output().includes(`The database ${path} is damaged`))
})

test('collections too large to be checked when they are opened are found to be damaged when they are read', async () => {
  const home = await used('large')
  const path = join(home, 'collections.db')
  {
    using shelf = new Shelf()
    await shelf.add(home, 'manuals', PUMP)
    using database = new DatabaseSync(path)
    database.exec(`CREATE TABLE large AS SELECT zeroblob(${UNCHECKED_BYTES}) AS bytes`)
  }
  overwrite(path)
  await using server = await start(home)
  const reply = await send(server, { method: 'GET', path: '/v1/knowledge' })
  assert.deepEqual([reply.status, errorOf(reply).code], [500, 'internal'])
  assert.match(errorOf(reply).message, /A file .* cannot be used.*upshift doctor/)
  await until('it is in the log', () => /malformed.*`upshift doctor` names the file/.test(server.output()))
  assert.doesNotMatch(server.output(), /a bug/)
})

test('a home that lost its keys starts and says that they are gone; a new home has lost none', async () => {
  const home = await used('keyless')
  const state = join(home, 'state.db')
  rmSync(state)
  const gone = `${state} is not there or empty, and this home has a log`
  {
    await using server = await start(home)
    assert.ok(server.output().includes(gone), server.output())
    await server.stop()
  }
  await using again = await start(home)
  assert.ok(!again.output().includes(gone))
})

test('a home that lost the keys of its texts does not start, and says what to put back', async () => {
  const home = await used('textless')
  rmSync(join(home, 'vault.db'))
  await assert.rejects(start(home), /ended before it was up[\s\S]*vault\.db is not there or empty.*backup/)
})

test('a home that lost its texts starts and says that they are gone, and takes them back beside what it keeps since', async () => {
  const home = await used('pageless')
  const vault = join(home, 'vault')
  const aside = join(folder, 'aside')
  renameSync(vault, aside)
  const gone = `${vault} is not there, and this home has kept texts`
  {
    await using server = await start(home)
    assert.ok(server.output().includes(gone), server.output())
    assert.equal((await chat(server, question)).status, 200)
    await server.stop()
  }
  assert.notEqual((await command(home, ['audit', 'verify'])).code, 0)
  for (const name of readdirSync(aside))
    copyFileSync(join(aside, name), join(vault, name), constants.COPYFILE_EXCL)
  await using again = await start(home)
  assert.ok(!again.output().includes(gone))
  await again.stop()
  const { code, out, err } = await command(home, ['audit', 'verify'])
  assert.equal(code, 0, `${out}${err}`)
})

test('a home that lost its tree says that what it holds is signed anew, and the audit tells it from then on', async () => {
  const home = await used('treeless')
  const tree = join(home, 'tree')
  const gone = `${tree} is not there or empty, and this home has`
  rmSync(tree, { recursive: true })
  {
    await using server = await start(home)
    assert.ok(server.output().includes(gone), server.output())
    await server.stop()
  }
  {
    await using again = await start(home)
    assert.ok(!again.output().includes(gone))
    await again.stop()
  }
  const { code, out } = await command(home, ['audit', 'verify'])
  assert.equal(code, 0, out)
  assert.match(out, /The tree was gone at the start of \S+ \(entry \d+\).*signed anew/)
  const events = await command(home, ['logs', 'events'])
  assert.match(events.out, /started .*signedAnew=\d/)
})

const FILES = [
  'tree/checkpoint',
  'audit.pub',
  'audit.key',
  'owner.key',
  'lock.db',
  'snapshot.json',
  'server.json',
]
const NO_FILE = 'is no file, and Upshift keeps a file there'
const NO_DISK = 'is a link to what is not there'

test('what lies in the place of a file or folder of the home and is none is named, and nothing waits for it', async () => {
  const home = await used('places')
  const segment = `log/${readdirSync(join(home, 'log'))[0]}`
  for (const place of [...FILES, segment]) {
    using taken = takeAside(join(home, place))
    execFileSync('mkfifo', [taken.path])
    await assertNamed(home, ['logs', 'tail'], `${taken.path} ${NO_FILE}`)
    if (/[/]|pub$/.test(place)) await assertNamed(home, ['audit', 'verify'], `${taken.path} ${NO_FILE}`)
  }
  for (const place of ['log', 'tree', 'vault']) {
    using taken = takeAside(join(home, place))
    symlinkSync('/nowhere/at/all', taken.path)
    await assertNamed(home, ['logs', 'tail'], `${taken.path} ${NO_DISK}`)
    await assertNamed(home, ['audit', 'verify'], `${taken.path} ${NO_DISK}`)
    rmSync(taken.path)
    symlinkSync(place, taken.path)
    await assertNamed(home, ['audit', 'verify'], `${taken.path} ${NO_DISK}`)
  }
  {
    using taken = takeAside(join(home, 'collections.db'))
    execFileSync('mkfifo', [taken.path])
    await assertNamed(home, ['knowledge', 'list'], `${taken.path} ${NO_FILE}`)
  }
  const { code, out } = await command(home, ['audit', 'verify'])
  assert.equal(code, 0, out)
})

/** What lies there is away until this is disposed of, and then takes the place of what lies there now. */
function takeAside(path: string): Disposable & { readonly path: string } {
  const aside = join(folder, 'taken')
  const there = existsSync(path)
  if (there) renameSync(path, aside)
  return {
    path,
    [Symbol.dispose]: () => {
      rmSync(path, { force: true })
      if (there) renameSync(aside, path)
    },
  }
}

async function assertNamed(home: string, words: readonly string[], said: string): Promise<void> {
  const { code, err } = await command(home, words)
  assert.equal(code, 1, said)
  assert.ok(err.startsWith(`upshift: ${said}`), err)
  assert.match(err, /from a backup\.\n$/)
}

test('a server that runs is told of where the note of who it is was torn', async () => {
  const home = join(folder, 'noteless')
  await using server = await start(home)
  writeFileSync(join(home, 'server.json'), '{"pid":')
  await assert.rejects(start(home), /Another Upshift process holds/)
  assert.equal((await chat(server, question)).status, 200)
})

test('hashes of the tree that were changed are named in the log and by the doctor, and to a caller without a path', async () => {
  const home = await used('tree')
  const hashes = join(home, 'tree', 'hashes')
  writeFileSync(hashes, Buffer.alloc(statSync(hashes).size, 'Z'))
  await using server = await start(home)
  const { headers } = await makeKey(server, 'app')
  const reply = await send(server, { method: 'GET', path: '/v1/usage', headers })
  assert.deepEqual([reply.status, errorOf(reply).code], [503, 'record_unavailable'])
  assert.match(errorOf(reply).message, /not followed now.*upshift doctor/)
  assert.ok(!reply.text.includes(home), reply.text)
  await until('it is in the log', () => server.output().includes(join(home, 'tree')))
  const doctor = await send(server, { method: 'GET', path: '/v1/admin/doctor' })
  assert.match(doctor.text, /not followed: /)
  assert.ok(doctor.text.includes(join(home, 'tree')), doctor.text)
  assert.equal((await chat(server, question, headers)).status, 200)
})

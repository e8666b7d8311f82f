import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import type { ExitCode, Flags } from '../../contract/verb.ts'
import { UsageError } from '../../contract/verb.ts'
import { splitNotes } from '../tree/checkpoint.ts'
import { HASH_BYTES } from '../tree/hash.ts'
import { storedCount } from '../tree/stored.ts'
import { HomeWriter, seeded, writeHome } from './audited-home.fixture.ts'
import { auditRoutes } from './routes.ts'
import { verbs } from './verbs.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'upshift-audit-'))
after(() => fs.rmSync(root, { recursive: true }))
const OFFLINE = join(import.meta.dirname, '../../../bin/verify-proof.mjs')

let homes = 0
const newHome = (): string => join(root, `home-${homes++}`)

function writerOf(home: string): HomeWriter {
  return new HomeWriter({ home, random: seeded(7), segmentLines: 30, textBytes: 100 })
}

interface Ran {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

async function run(home: string, name: string, args: readonly string[], flags: Flags = {}): Promise<Ran> {
  const verb = verbs.find((one) => one.name === name)
  assert.ok(verb)
  const said = { out: '', err: '' }
  const sink = (to: 'out' | 'err'): Writable =>
    new Writable({
      write: (chunk, _, done) => {
        said[to] += String(chunk)
        done()
      },
    })
  const code = await verb.run({
    args,
    flags,
    out: sink('out'),
    err: sink('err'),
    stdin: Readable.from([]),
    json: flags['json'] === true,
    colour: false,
    signal: new AbortController().signal,
    home: () => Promise.resolve(home),
    server: () => Promise.reject(new Error('an audit needs no server')),
  })
  return { code, ...said }
}

const ID = `req_${'3'.padStart(26, '0')}`

test('a file of the log that was renamed is named, though each of its records is what it was', async () => {
  const home = newHome()
  writeHome(home, 20, seeded(1))
  const [name = ''] = fs.readdirSync(join(home, 'log'))
  const renamed = name.replace('000000000000', '000000000001')
  fs.renameSync(join(home, 'log', name), join(home, 'log', renamed))
  const bad = await run(home, 'audit verify', [])
  assert.equal(bad.code, 3)
  assert.match(
    bad.out,
    new RegExp(`changed: entry 0 in log/${renamed}.*begins with record 1, .* record 0: it was renamed`),
  )
})

test('verify says in words and in JSON whether the record holds, and ends with 3 where it does not', async () => {
  const home = newHome()
  writeHome(home, 20, seeded(1))
  const good = await run(home, 'audit verify', [])
  assert.equal(good.code, 0)
  assert.match(good.out, /The record holds: \d+ entries\./)
  const path = join(home, 'log', fs.readdirSync(join(home, 'log'))[0] ?? '')
  fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace(ID, ID.replace('3', '4')))
  const bad = await run(home, 'audit verify', [])
  assert.equal(bad.code, 3)
  assert.match(bad.out, /changed: entry \d+ \(req_0+4\) in log\/\S+ at byte \d+\./)
  const json = JSON.parse((await run(home, 'audit verify', [], { json: true })).out)
  assert.equal(json.ok, false)
  assert.equal(json.problems[0].kind, 'changed')
  assert.match(bad.out, /1 of \d+ entries are not in the log any more, or not as the tree has them\./)
  await assert.rejects(run(home, 'audit verify', ['more']), UsageError)
})

test('a proof of a request holds here and in the one file that needs no Upshift, and an altered one in neither', async () => {
  const home = newHome()
  const key = writeHome(home, 20, seeded(2))
  const file = join(root, 'proof.json')
  const made = await run(home, 'audit prove', [ID], { out: file })
  assert.match(made.out, /3 entries about req_/)
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  const checked = await run(home, 'audit check', [file], { key })
  assert.equal(checked.code, 0)
  assert.match(checked.out, /^The proof holds: entries \d+, \d+, \d+ were in the log upshift\//)
  const offline = execFileSync(process.execPath, [OFFLINE, file, '--key', key], { encoding: 'utf8' })
  assert.match(offline, /The proof holds[\s\S]*entry \d+: opened of 2026[\s\S]*entry \d+: closed, answered/)
  const text = fs.readFileSync(file, 'utf8')
  const bundle = JSON.parse(text)
  const alterations: Record<string, string> = {
    entry: text.replace('costMicros\\":17', 'costMicros\\":18'),
    index: text.replace(/"index": (\d+)/, (_, index) => `"index": ${Number(index) + 1}`),
    path: text.replace(bundle.entries[0].path[0], bundle.entries[1].path[1]),
    size: text.replace(/\\n(\d+)\\n/, (_, size) => `\\n${Number(size) + 1}\\n`),
    about: text.replace(`"about": "${ID}"`, '"about": "req_other"'),
    signature: JSON.stringify({ ...bundle, checkpoint: bundle.checkpoint.replace(/(.)=*\n$/, 'A==\n') }),
  }
  for (const [what, altered] of Object.entries(alterations)) {
    assert.notEqual(altered, text, what)
    fs.writeFileSync(file, altered)
    assert.equal((await run(home, 'audit check', [file], { key })).code, 3, what)
    const { status, stdout } = spawnSync(process.execPath, [OFFLINE, file], { encoding: 'utf8' })
    assert.equal(status, 1, what)
    assert.match(stdout, /^The proof does not hold: /, what)
  }
  fs.writeFileSync(file, text)
  const foreign = writeHome(newHome(), 1, seeded(3))
  assert.equal((await run(home, 'audit check', [file], { key: foreign })).code, 3)
  assert.equal(spawnSync(process.execPath, [OFFLINE, file, '--key', foreign]).status, 1)
  assert.equal(spawnSync(process.execPath, [OFFLINE]).status, 2)
})

test('the proof in a receipt is checked like any other, and one that is about something else is no proof of it', async () => {
  const home = newHome()
  const key = writeHome(home, 20, seeded(4))
  const file = join(root, 'receipt.json')
  await run(home, 'audit prove', [ID], { out: file })
  const proof = JSON.parse(fs.readFileSync(file, 'utf8'))
  for (const format of ['upshift-erasure-receipt 1', 'upshift-forget-receipt 1']) {
    const receipt = { format, id: ID, result: 'erased', proof }
    fs.writeFileSync(file, JSON.stringify(receipt))
    assert.equal((await run(home, 'audit check', [file], { key })).code, 0)
    assert.equal(spawnSync(process.execPath, [OFFLINE, file, '--key', key]).status, 0)
    fs.writeFileSync(file, JSON.stringify({ ...receipt, id: 'era_other' }))
    await assert.rejects(run(home, 'audit check', [file], { key }), /about something else than the receipt/)
    assert.equal(spawnSync(process.execPath, [OFFLINE, file, '--key', key]).status, 1)
  }
})

test('one entry is proven by its number, and what is not there or not covered is refused', async () => {
  const home = newHome()
  const writer = writerOf(home)
  for (let number = 0; number < 25; number++) writer.request(number)
  writer.flush()
  writer.append({ type: 'feedback', id: 'fb_1', request: ID, key: 'key_owner', score: 1 })
  writer.append({ type: 'refused', id: 'req_late', key: 'key_owner', code: 'internal' })
  writer.close()
  const one = JSON.parse((await run(home, 'audit prove', ['41'])).out)
  assert.deepEqual([one.entries.length, one.entries[0].index], [1, 41])
  const some = await run(home, 'audit prove', [ID])
  assert.equal(JSON.parse(some.out).entries.length, 3)
  assert.match(some.err, /1 more entries about .* not covered/)
  await assert.rejects(
    run(home, 'audit prove', ['req_late']),
    /No signed checkpoint covers.*the next start signs one/,
  )
  await assert.rejects(run(home, 'audit prove', ['req_none']), /No entry in the log is about req_none/)
  await assert.rejects(run(home, 'audit prove', []), UsageError)
})

test('a proof that would not hold is not given out', async () => {
  const home = newHome()
  writeHome(home, 20, seeded(4))
  const hashes = fs.readFileSync(join(home, 'tree/hashes'))
  fs.writeFileSync(
    join(home, 'tree/hashes'),
    hashes.map((byte) => byte ^ 1),
  )
  await assert.rejects(run(home, 'audit prove', [ID]), /do not agree.*audit verify/)
})

test('checkpoints are exported one after another, and a record that grew extends them all', async () => {
  const home = newHome()
  const file = join(root, 'grown.checkpoints')
  const writer = writerOf(home)
  for (let number = 0; number < 30; number++) {
    writer.request(number)
    writer.flush()
    if (number % 10 === 0) assert.equal((await run(home, 'audit export', [file])).code, 0)
  }
  writer.close()
  const again = await run(home, 'audit export', [file])
  assert.match(again.out, /over 90 entries is exported/)
  assert.match((await run(home, 'audit export', [file])).out, /was exported there before/)
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  assert.equal(splitNotes(fs.readFileSync(file, 'utf8')).length, 4)
  const compared = await run(home, 'audit compare', [file])
  assert.equal(compared.code, 0)
  await assert.rejects(run(home, 'audit compare', [root]), /is a folder\. Name the file that/)
  const pipe = join(root, 'pipe')
  execFileSync('mkfifo', [pipe])
  const [piped] = await Promise.all([
    run(home, 'audit compare', [pipe]),
    fs.promises.writeFile(pipe, fs.readFileSync(file)),
  ])
  assert.match(piped.out, /extends all 4 checkpoints/)
  fs.rmSync(pipe)
  assert.match(compared.out, /The record of 90 entries extends all 4 checkpoints/)
  const other = join(root, 'notes.txt')
  fs.writeFileSync(other, 'milk, bread\n')
  await assert.rejects(run(home, 'audit export', [other]), /no file of them: nothing was added/)
  assert.equal(fs.readFileSync(other, 'utf8'), 'milk, bread\n')
  await assert.rejects(run(home, 'audit export', [join(root, 'none', 'file')]), /its folder does not exist/)
})

test('an older copy of the whole home, a fork and another log are named by what was exported', async () => {
  const home = newHome()
  const older = newHome()
  const file = join(root, 'kept.checkpoints')
  const writer = writerOf(home)
  for (let number = 0; number < 20; number++) writer.request(number)
  writer.flush()
  fs.cpSync(home, older, { recursive: true })
  writer.request(20)
  writer.flush()
  writer.close()
  await run(home, 'audit export', [file])
  assert.equal((await run(older, 'audit verify', [])).code, 0)
  const rollback = await run(older, 'audit compare', [file])
  assert.equal(rollback.code, 3)
  assert.match(rollback.out, /rollback: checkpoint 1 over 63 entries/)
  // The same key goes on from the older copy with other records.
  const fork = new HomeWriter({ home: newHome(), random: seeded(7), segmentLines: 30, textBytes: 100 })
  const forked = join(root, `home-${homes - 1}`)
  fork.close()
  for (const name of ['audit.key', 'audit.pub'])
    fs.cpSync(join(home, name), join(forked, name), { force: true })
  fs.rmSync(join(forked, 'tree'), { recursive: true })
  const going = new HomeWriter({ home: forked, random: seeded(8), segmentLines: 30, textBytes: 100 })
  for (let number = 0; number < 30; number++) going.request(number + 1)
  going.flush()
  going.close()
  const json = JSON.parse((await run(forked, 'audit compare', [file], { json: true })).out)
  assert.deepEqual([json.ok, json.problems[0].kind, json.extends], [false, 'fork', null])
  const stranger = newHome()
  writeHome(stranger, 30, seeded(9))
  assert.match((await run(stranger, 'audit compare', [file])).out, /other-log: .*another log/)
  fs.truncateSync(join(home, 'tree/hashes'), storedCount(63) * HASH_BYTES - 1)
  assert.match((await run(home, 'audit compare', [file])).out, /tree-damaged/)
  fs.writeFileSync(file, 'no checkpoint')
  assert.match((await run(older, 'audit compare', [file])).out, /unreadable/)
})

test('a server that keeps checkpoints gets them by POST and gives them back by GET', async () => {
  const home = newHome()
  writeHome(home, 10, seeded(10))
  let kept = ''
  let type: string | undefined
  const server = createServer((request, response) => {
    if (request.url === '/moved') {
      response.writeHead(302, { location: '/log' }).end()
      return
    }
    if (request.method === 'GET') {
      response.end(kept)
      return
    }
    type = request.headers['content-type']
    request.on('data', (chunk) => {
      kept += String(chunk)
    })
    request.on('end', () => response.writeHead(201).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/log`
  assert.equal((await run(home, 'audit export', [url])).code, 0)
  assert.match(type ?? '', /^text\/plain/)
  assert.equal(kept, fs.readFileSync(join(home, 'tree/checkpoint'), 'utf8'))
  assert.equal((await run(home, 'audit compare', [url])).code, 0)
  await assert.rejects(
    run(home, 'audit export', [`http://127.0.0.1:${port}/moved`]),
    /status 302.*points to \/log/,
  )
  await new Promise((resolve) => server.close(resolve))
  await assert.rejects(run(home, 'audit export', [url]), /cannot be reached/)
  await assert.rejects(
    run(home, 'audit export', ['http://witness.example/log']),
    /plain HTTP off this machine/,
  )
})

test('the newest checkpoint is a route for whoever has a key', async () => {
  let newest: string | undefined
  const [route] = auditRoutes({ newest: () => newest })
  assert.ok(route)
  assert.deepEqual([route.method, route.path, route.access], ['GET', '/v1/audit/checkpoint', 'key'])
  const request = {
    params: {},
    body: undefined,
    query: {},
    caller: null,
    signal: new AbortController().signal,
  }
  assert.match(JSON.stringify(await route.handle(request)), /not_found/)
  newest = 'a note'
  assert.equal(await route.handle(request), 'a note')
})

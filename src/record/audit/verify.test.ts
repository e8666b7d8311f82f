import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Entry } from '../../contract/entry.ts'
import { HEADER } from '../log/line.ts'
import { listSegments } from '../log/segments.ts'
import { signingKey } from '../tree/signer.ts'
import { HomeWriter, seeded, writeHome } from './audited-home.fixture.ts'
import { takeLoot } from './edits.fixture.ts'
import { tamper } from './trial.fixture.ts'
import { type VerifyOptions, type VerifyResult, verifyHome } from './verify.ts'
import { verified } from './words.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'upshift-verify-'))
after(() => fs.rmSync(root, { recursive: true }))

let homes = 0
const newHome = (): string => join(root, `home-${homes++}`)

const verify = (home: string, more: Partial<VerifyOptions> = {}): Promise<VerifyResult> =>
  verifyHome({ home, signal: new AbortController().signal, ...more })

function writerOf(home: string): HomeWriter {
  return new HomeWriter({ home, random: seeded(7), segmentLines: 30, textBytes: 100 })
}

function requests(writer: HomeWriter, from: number, to: number): void {
  for (let number = from; number < to; number++) writer.request(number)
}

const kinds = ({ problems }: VerifyResult): string[] => problems.map(({ kind }) => kind)

test('an untouched record holds, and the audit changes no byte of it', async () => {
  const home = newHome()
  writeHome(home, 40, seeded(1))
  const before = takeLoot(home)
  const result = await verify(home)
  assert.deepEqual(result.problems, [])
  assert.ok(result.ok)
  assert.equal(result.entries, result.size)
  assert.equal(result.checkpoint?.size, result.size)
  assert.deepEqual(result.texts, { checked: 80, expired: 0 })
  assert.deepEqual([...takeLoot(home).files], [...before.files])
})

test('random edits of every kind are all found, and their records named', async () => {
  const home = newHome()
  writeHome(home, 60, seeded(2))
  for (const { kind, made, found, named, missed } of await tamper(home, 220, seeded(3))) {
    assert.deepEqual({ found, named }, { found: made, named: made }, `${kind}: ${missed.join('\n')}`)
  }
})

test('a single edit is not told as more than it is', async () => {
  const home = newHome()
  writeHome(home, 60, seeded(4))
  const loot = takeLoot(home)
  const record = loot.records[100]
  assert.ok(record)
  const path = join(home, record.file)
  const bytes = fs.readFileSync(path)
  fs.writeFileSync(path, Buffer.concat([bytes.subarray(0, record.start), bytes.subarray(record.end)]))
  const removed = (await verify(home)).problems
  assert.equal(removed.length, 1)
  assert.deepEqual(
    { ...removed[0], detail: '' },
    { kind: 'removed', seq: 100, file: record.file, offset: record.start, detail: '' },
  )
  fs.writeFileSync(path, bytes)
  bytes[record.start + 40] = (bytes[record.start + 40] ?? 0) ^ 1
  fs.writeFileSync(path, bytes)
  const changed = (await verify(home)).problems
  assert.equal(changed.length, 1)
  assert.deepEqual([changed[0]?.kind, changed[0]?.seq, changed[0]?.offset], ['changed', 100, record.start])
})

test('edits in log and tree at once are told apart', async () => {
  const home = newHome()
  writeHome(home, 60, seeded(5))
  const { records } = takeLoot(home)
  const record = records[20]
  assert.ok(record)
  const log = fs.readFileSync(join(home, record.file))
  log.write('"at":2', log.indexOf('"at":1', record.start))
  fs.writeFileSync(join(home, record.file), log)
  const hashes = fs.readFileSync(join(home, 'tree/hashes'))
  hashes[0] = (hashes[0] ?? 0) ^ 1
  fs.writeFileSync(join(home, 'tree/hashes'), hashes)
  const { problems } = await verify(home)
  const told = problems.map(({ kind, seq }) => `${kind} ${seq}`).sort()
  assert.deepEqual(told, ['changed 20', 'tree-changed 0'])
})

test('entries behind the checkpoint are told as not covered, and a torn last line as torn', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 10)
  writer.flush()
  requests(writer, 10, 15)
  writer.close()
  const last = listSegments(join(home, 'log')).at(-1)
  fs.appendFileSync(last?.path ?? '', '0badf00d {"type":"opened","id":"req_')
  const result = await verify(home)
  assert.deepEqual(result.problems, [])
  assert.equal(result.uncovered, 15)
  assert.equal(result.size, 45)
  assert.equal(result.tornBytes, 36)
})

test('a last line that is torn although it was signed for is a cut', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 10)
  writer.flush()
  writer.close()
  const last = listSegments(join(home, 'log')).at(-1)
  assert.ok(last)
  fs.truncateSync(last.path, fs.statSync(last.path).size - 20)
  const { problems } = await verify(home)
  assert.deepEqual(
    problems.map(({ kind, seq }) => [kind, seq]),
    [['truncated', 29]],
  )
})

test('damage among entries that no checkpoint covers yet is found as well', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 5)
  writer.flush()
  for (let number = 5; number < 8; number++) {
    writer.append({ type: 'refused', id: `req_${number}`, key: 'key_owner', code: 'internal' }, false)
  }
  writer.close()
  const path = listSegments(join(home, 'log')).at(-1)?.path ?? ''
  const text = fs.readFileSync(path, 'utf8')
  fs.writeFileSync(path, text.replace('"req_6"', '"req_7"'))
  const changed = await verify(home)
  assert.deepEqual(
    changed.problems.map(({ kind, seq }) => [kind, seq]),
    [['changed', 16]],
  )
  fs.writeFileSync(
    path,
    text
      .split('\n')
      .filter((line) => !line.includes('req_6'))
      .join('\n'),
  )
  const removed = await verify(home)
  assert.deepEqual(
    removed.problems.map(({ kind, seq }) => [kind, seq]),
    [['removed', 16]],
  )
})

/** Removes what has expired as retention does: the entry first, then a checkpoint, then the files. */
function expire(writer: HomeWriter, home: string, entry: Partial<Entry>): void {
  const checkpoint = writer.flush()
  writer.append({ type: 'expired', what: 'entries', files: [], before: 0, checkpoint, ...entry } as Entry)
  writer.flush()
  const files: readonly string[] = Reflect.get(entry, 'files') ?? []
  const folder = Reflect.get(entry, 'what') === 'texts' ? 'vault' : 'log'
  for (const file of files) fs.rmSync(join(home, folder, file))
}

test('segments that have expired leave a record that holds, also once the entries about older ones have expired', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 40)
  const segments = listSegments(join(home, 'log'))
  assert.equal(segments.length, 4)
  expire(writer, home, { files: [segments[0]?.name ?? ''], first: 0, last: 29 })
  const once = await verify(home)
  assert.deepEqual(once.problems, [])
  assert.equal(once.size - once.entries, 30)
  requests(writer, 40, 80)
  expire(writer, home, {
    files: segments.slice(1).map(({ name }) => name),
    first: 30,
    last: 119,
  })
  assert.deepEqual((await verify(home)).problems, [])
  const later = listSegments(join(home, 'log'))
  assert.equal(later[0]?.first, 120)
  expire(writer, home, { files: later.slice(0, 2).map(({ name }) => name), first: 120, last: 179 })
  writer.close()
  const twice = await verify(home)
  assert.deepEqual(twice.problems, [])
  assert.equal(twice.size - twice.entries, 180)
})

test('the first segment behind those that have expired is named where its name claims to begin later', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 40)
  const [oldest, next] = listSegments(join(home, 'log'))
  assert.ok(oldest && next)
  expire(writer, home, { files: [oldest.name], first: 0, last: 29 })
  writer.close()
  fs.renameSync(next.path, next.path.replace('000000000030', '000000000031'))
  const { problems } = await verify(home)
  assert.deepEqual(
    problems.map(({ kind, seq }) => [kind, seq]),
    [['changed', 30]],
  )
  assert.match(problems[0]?.detail ?? '', /begins with record 31, and it begins with record 30/)
})

test('segments that went without a signed entry are removed ones, whatever an entry that nobody signed says', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 40)
  const checkpoint = writer.flush()
  const first = listSegments(join(home, 'log'))[0]
  assert.ok(first)
  fs.rmSync(first.path)
  const bare = await verify(home)
  assert.deepEqual(
    bare.problems.map(({ kind, seq, lastSeq }) => [kind, seq, lastSeq]),
    [['removed', 0, 29]],
  )
  const entry = {
    type: 'expired',
    what: 'entries',
    files: [first.name],
    first: 0,
    last: 29,
    before: 0,
    checkpoint,
  } as const
  writer.append(entry)
  writer.close()
  const claimed = await verify(home)
  assert.deepEqual(kinds(claimed), ['removed'])
  assert.match(claimed.problems[0]?.detail ?? '', /no checkpoint covers it yet/)
})

test('an expired entry that carries a checkpoint of another tree explains nothing', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 40)
  const other = writerOf(newHome())
  requests(other, 0, 40)
  const foreign = other.flush()
  other.close()
  const name = listSegments(join(home, 'log'))[0]?.name ?? ''
  writer.flush()
  expire(writer, home, { files: [name], first: 0, last: 29, checkpoint: foreign })
  writer.close()
  assert.deepEqual(kinds(await verify(home)).sort(), ['checkpoint-forged', 'removed'])
})

test('texts that have expired are counted, and texts that only vanished are named with their requests', async () => {
  const home = newHome()
  const writer = writerOf(home)
  requests(writer, 0, 6)
  writer.rotateVault()
  requests(writer, 6, 10)
  writer.flush()
  const path = join(home, 'vault', '000001.vault')
  const bytes = fs.readFileSync(path)
  fs.rmSync(path)
  const { problems } = await verify(home)
  assert.equal(problems.length, 12)
  assert.ok(problems.every(({ kind, id }) => kind === 'text-missing' && id?.startsWith('req_')))
  assert.deepEqual((await verify(home, { texts: false })).texts, null)
  fs.writeFileSync(path, bytes)
  expire(writer, home, { what: 'texts', files: ['000001.vault'] })
  writer.close()
  const expired = await verify(home)
  assert.deepEqual(expired.problems, [])
  assert.deepEqual(expired.texts, { checked: 8, expired: 12 })
  assert.match(verified(expired), /8 texts checked\. 12 are gone, and the record says why: they expired, or/)
})

test('a home without its checkpoint or its public key does not pass', async () => {
  const home = newHome()
  const key = writeHome(home, 10, seeded(8))
  fs.rmSync(join(home, 'audit.pub'))
  assert.deepEqual(kinds(await verify(home)), ['key-missing'])
  assert.ok((await verify(home, { verifierKey: key })).ok)
  fs.rmSync(join(home, 'tree/checkpoint'))
  assert.deepEqual(kinds(await verify(home, { verifierKey: key })), ['checkpoint-missing'])
})

test('whoever exchanges the key as well is found with the key from elsewhere', async () => {
  const home = newHome()
  const key = writeHome(home, 10, seeded(9))
  fs.rmSync(join(home, 'audit.pub'))
  fs.rmSync(join(home, 'audit.key'))
  fs.rmSync(join(home, 'tree'), { recursive: true })
  const forger = signingKey(home)
  fs.rmSync(join(home, 'log'), { recursive: true })
  writeHome(home, 9, seeded(9))
  assert.ok(forger.verifierKey !== key && (await verify(home)).ok)
  assert.deepEqual(kinds(await verify(home, { verifierKey: key })), ['checkpoint-forged'])
  await assert.rejects(verify(home, { verifierKey: 'no key' }), /verifier key cannot be read/)
})

test('segments of the first format, which had no header, are read too', async () => {
  const home = newHome()
  writeHome(home, 40, seeded(10))
  const first = listSegments(join(home, 'log'))[0]?.path ?? ''
  fs.writeFileSync(first, fs.readFileSync(first, 'utf8').slice(HEADER.length))
  assert.ok((await verify(home)).ok)
  const second = listSegments(join(home, 'log'))[1]?.path ?? ''
  fs.writeFileSync(second, fs.readFileSync(second, 'utf8').replace('upshift-log 2', 'upshift-log 3'))
  assert.deepEqual(
    (await verify(home)).problems.map(({ kind, offset }) => [kind, offset]),
    [['changed', 0]],
  )
})

test('where there is no log there is nothing to verify, and that is said', async () => {
  const home = newHome()
  await assert.rejects(verify(home), /There is no record/)
})

test('a log that is gone altogether is a log that was cut', async () => {
  const home = newHome()
  writeHome(home, 10, seeded(12))
  fs.rmSync(join(home, 'log'), { recursive: true })
  const { problems, size } = await verify(home)
  assert.deepEqual(
    problems.map(({ kind, seq, lastSeq }) => [kind, seq, lastSeq]),
    [['truncated', 0, size - 1]],
  )
})

test('an audit beside a process that writes finds nothing wrong', async () => {
  const home = newHome()
  const fixture = pathToFileURL(join(import.meta.dirname, 'audited-home.fixture.ts')).href
  const script = join(root, 'writing.ts')
  fs.writeFileSync(
    script,
    `import { HomeWriter, seeded } from ${JSON.stringify(fixture)}
const writer = new HomeWriter({ home: ${JSON.stringify(home)}, random: seeded(1), segmentLines: 500, textBytes: 50 })
process.stdin.on('end', () => process.exit()).resume()
let number = 0
const turn = () => {
  for (let more = 0; more < 20; more++) writer.request(number++)
  writer.flush(number % 100 === 0)
  if (number === 200) process.stdout.write('ready')
  setImmediate(turn)
}
turn()
`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const sizes: number[] = []
    while (sizes.length < 12 || (sizes[0] === sizes.at(-1) && sizes.length < 500)) {
      const { problems, size } = await verify(home)
      assert.deepEqual(problems, [])
      sizes.push(size)
    }
    assert.ok((sizes.at(-1) ?? 0) > (sizes[0] ?? 0), 'the process wrote meanwhile')
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  assert.deepEqual((await verify(home)).problems, [])
})

test('an audit that is interrupted stops', async () => {
  const home = newHome()
  writeHome(home, 5, seeded(11))
  await assert.rejects(verify(home, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { isRefusal, UpshiftError } from '../../contract/problem.ts'
import { verifyHome } from '../audit/verify.ts'
import { lockHome } from '../lock.ts'
import { backUp } from './backup.ts'
import { asideAt, expectNotLost, stagedAt, stampOf } from './beside.ts'
import { eraseAgain, erasedAgain } from './replaced.ts'
import { type Restored, restoreHome } from './restore.ts'
import { WritingHome } from './writing-home.fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-restores-'))
const writing = new WritingHome(join(mkdirSync(join(root, 'source'), { recursive: true }) ?? root))
const whole = join(root, 'whole')
const bare = join(root, 'bare')
const NOW = Date.UTC(2026, 10, 21, 9, 30)

before(async () => {
  for (const [folder, keys] of [
    [whole, true],
    [bare, false],
  ] as const) {
    const events = backUp(writing.ports, { folder, keys })
    assert.ok(!isRefusal(events))
    for await (const event of events) if (event.type === 'failed') assert.fail(event.message)
  }
})
after(() => {
  writing.close()
  rmSync(root, { recursive: true, force: true })
})

function restored(folder: string, target: string, force = false): Promise<Restored> {
  const { signal } = new AbortController()
  const verify = (home: string) => verifyHome({ home, signal })
  return restoreHome({ folder, target, force, now: NOW, signal, verify })
}

/** A copy of the good backup, to be spoilt. */
function spoilt(name: string): string {
  const folder = join(root, name)
  cpSync(whole, folder, { recursive: true })
  return folder
}

function isConflict(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof UpshiftError, String(error))
    assert.match(error.message, pattern)
    return true
  }
}

test('a backup becomes a home that passes the audit, byte for byte what was copied, for its owner alone', async () => {
  const target = join(root, 'new', 'deep', 'home')
  const result = await restored(whole, target)
  assert.deepEqual([result.home, result.replaced, result.missingKeys], [target, null, []])
  assert.equal(statSync(target).mode & 0o777, 0o700)
  const { ok, entries } = await verifyHome({ home: target, signal: new AbortController().signal })
  assert.deepEqual([ok, entries], [true, result.entries])
  for (const file of ['owner.key', 'vault.db', 'log', 'tree/hashes'].filter((name) =>
    statSync(join(whole, name)).isFile(),
  )) {
    assert.ok(readFileSync(join(target, file)).equals(readFileSync(join(whole, file))), file)
  }
  assert.equal(existsSync(join(target, 'manifest.json')), false)
  assert.deepEqual(readdirSync(join(root, 'new', 'deep')), ['home'])
})

test('a damaged backup is refused by the name of the file, and leaves nothing behind', async () => {
  const target = join(root, 'never')
  for (const file of [
    'owner.key',
    'state.db',
    'tree/hashes',
    'vault/000001.vault',
    `log/${readdirSync(join(whole, 'log'))[0]}`,
  ]) {
    const flipped = spoilt(`flipped-${file.replace('/', '-')}`)
    const bytes = readFileSync(join(flipped, file))
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(join(flipped, file), bytes)
    await assert.rejects(
      restored(flipped, target),
      isConflict(new RegExp(`${file} is not what was backed up`)),
    )
    const cut = spoilt(`cut-${file.replace('/', '-')}`)
    truncateSync(join(cut, file), bytes.length - 1)
    await assert.rejects(restored(cut, target), isConflict(new RegExp(`${file} has \\d+ bytes instead of`)))
    const gone = spoilt(`gone-${file.replace('/', '-')}`)
    rmSync(join(gone, file))
    await assert.rejects(restored(gone, target), isConflict(new RegExp(`${file} cannot be read`)))
  }
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('never')),
    [],
  )
})

test('a backup whose checksums were forged along with its log does not pass the audit', async () => {
  const folder = spoilt('forged')
  const segment = `log/${readdirSync(join(folder, 'log'))[1]}`
  const text = readFileSync(join(folder, segment), 'utf8').replace('"costMicros":17', '"costMicros":71')
  writeFileSync(join(folder, segment), text)
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  for (const file of manifest.files) if (file.path === segment) file.sha256 = hash('sha256', text, 'hex')
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  await assert.rejects(restored(folder, join(root, 'never')), isConflict(/does not pass the audit.*changed/s))
})

test('a manifest that leads out of the home, or is damaged or missing, is refused', async () => {
  for (const [name, spoil] of [
    ['escape', (text: string) => text.replace('"owner.key"', '"../owner.key"')],
    ['absolute', (text: string) => text.replace('"owner.key"', '"/etc/owner.key"')],
    ['twice', (text: string) => text.replace('"owner.key"', '"audit.key"')],
    ['newer', (text: string) => text.replace('upshift-backup 1', 'upshift-backup 2')],
    ['torn', (text: string) => text.slice(0, 200)],
  ] as const) {
    const folder = spoilt(`manifest-${name}`)
    const path = join(folder, 'manifest.json')
    writeFileSync(path, spoil(readFileSync(path, 'utf8')))
    await assert.rejects(restored(folder, join(root, 'never')), isConflict(/cannot be used/), name)
  }
  await assert.rejects(restored(root, join(root, 'never')), isConflict(/no manifest\.json/))
})

test('a live home, a home without --force and a folder that is no home are refused and not touched', async () => {
  const target = join(root, 'occupied')
  await restored(whole, target)
  await assert.rejects(restored(whole, target), isConflict(/is a home already.*--force/s))
  const lock = lockHome(target)
  await assert.rejects(restored(whole, target, true), isConflict(/Another Upshift process holds/))
  lock.release()
  const foreign = join(root, 'foreign')
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'mine'), 'precious')
  await assert.rejects(restored(whole, foreign, true), isConflict(/no home of Upshift's/))
  assert.deepEqual(readdirSync(foreign), ['mine'])
  assert.ok((await restored(whole, join(root, 'empty-place'))).replaced === null)
})

test('a replaced home is moved aside whole, and who was erased since is listed for the next start', async () => {
  // What happened after the backup: an erasure, in a segment of its own.
  const later = new WritingHome(mkdtempSync(join(root, 'later-')))
  const subject = 'sub_0123456789abcdefghjkmnpqrs'
  later.writer.append({ type: 'erasure-begun', id: 'era_1', subject, by: 'key_owner' })
  later.writer.append({ type: 'erasure-done', id: 'era_1', subject })
  later.close()
  const result = await restored(whole, later.home, true)
  assert.deepEqual(result.replaced?.eraseAgain, [subject])
  assert.equal(result.replaced?.newerEntries, 2)
  assert.match(result.replaced?.movedTo ?? '', /\.before-20261121T093000Z$/)
  assert.ok(existsSync(join(result.replaced?.movedTo ?? '', 'log')))
  assert.deepEqual(eraseAgain(later.home), [subject])
  // A second restore before that start must not forget them.
  const again = await restoreHome({
    folder: whole,
    target: later.home,
    force: true,
    now: NOW + 60_000,
    signal: new AbortController().signal,
    verify: (home) => verifyHome({ home, signal: new AbortController().signal }),
  })
  assert.deepEqual(again.replaced?.eraseAgain, [subject])
  erasedAgain(later.home)
  assert.deepEqual(eraseAgain(later.home), [])
})

test('of two restores to one place at once, one is refused and leaves the copy of the other alone', async () => {
  const target = join(root, 'contested')
  const ended = await Promise.allSettled([restored(whole, target), restored(whole, target)])
  assert.deepEqual(ended.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const refused = ended.find((one) => one.status === 'rejected')
  assert.ok(isConflict(/Another restore/)(refused?.reason))
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('contested')),
    ['contested'],
  )
  assert.ok((await verifyHome({ home: target, signal: new AbortController().signal })).ok)
})

test('what lies beside a missing home is seen where its path is a link, too', async () => {
  const place = join(root, 'disk-of-home')
  const link = join(root, 'linked-home')
  symlinkSync(place, link)
  assert.equal((await restored(whole, link)).home, place)
  expectNotLost(link)
  const aside = asideAt(place, stampOf(NOW))
  renameSync(place, aside)
  assert.throws(
    () => expectNotLost(link),
    isConflict(/none is begun.*moved one aside, to .*disk-of-home\.before-/),
  )
  cpSync(whole, stagedAt(place, stampOf(NOW)), { recursive: true })
  await assert.rejects(restored(whole, link, true), isConflict(/broken off between its two renames/))
})

test('keys that a backup was made without stay where they are, or are named', async () => {
  const fresh = join(root, 'no-keys')
  assert.deepEqual((await restored(bare, fresh)).missingKeys, ['owner.key', 'audit.key', 'vault.key'])
  for (const name of ['owner.key', 'audit.key', 'vault.key']) cpSync(join(whole, name), join(fresh, name))
  const result = await restored(bare, fresh, true)
  assert.deepEqual(result.missingKeys, [])
  assert.ok(readFileSync(join(fresh, 'vault.key')).equals(readFileSync(join(whole, 'vault.key'))))
})

test('a home whose log cannot be read is replaced all the same, and the result says so', async () => {
  const target = join(root, 'unreadable')
  await restored(whole, target)
  const [segment] = readdirSync(join(target, 'log'))
  writeFileSync(join(target, 'log', segment ?? ''), 'upshift-log 9\n')
  appendFileSync(join(target, 'log', segment ?? ''), 'noise\n')
  const result = await restored(whole, target, true)
  assert.equal(result.replaced?.newerEntries, null)
})

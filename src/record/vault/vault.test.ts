import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TextRef } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { newId } from '../../lib/ids.ts'
import { FRAME_HEADER_BYTES, idOfRef, readFrame } from './frame.ts'
import { Home, MASTER } from './home.fixture.ts'
import { openVaultReader } from './reader.ts'
import type { Vault } from './vault.ts'

const DAY_MS = 86_400_000
const codeIs = (code: string) => (error: unknown) =>
  error instanceof UpshiftError && error.problem.code === code

function kept(vault: Vault, name: string, text: Uint8Array | string): { ref: string; text: TextRef } {
  const subject = vault.subject(name)
  const at = vault.seal(subject, text)
  assert.ok(at)
  return { ref: subject.ref, text: at }
}

test('a vault that has texts and lost the database of their keys gets no new one', async () => {
  using home = new Home()
  const vault = home.vault()
  kept(vault, 'ada', 'a text')
  vault.flush()
  await vault.close()
  const refused = /vault\.db is not there or empty, and .*vault holds texts.*backup.*aside/
  for (const lose of [() => rmSync(home.database), () => writeFileSync(home.database, '')]) {
    lose()
    assert.throws(
      () => home.vault(),
      (error) => codeIs('conflict')(error) && refused.test(String(error)),
    )
  }
  renameSync(home.folder, `${home.folder}.aside`)
  const anew = home.vault()
  assert.ok(anew.seal(anew.subject('ada'), 'another'))
  anew.flush()
  await anew.close()
})

test('what is kept is read back, byte for byte, for every subject and length', async () => {
  using home = new Home()
  const vault = home.vault({ subjectsInMemory: 8 })
  const texts: { ref: string; text: TextRef; plain: string }[] = []
  for (let turn = 0; turn < 300; turn++) {
    const plain = `ärger ${turn} 漢字 🎈 `.repeat(turn % 37)
    texts.push({ ...kept(vault, `person ${turn % 30}`, turn % 2 ? plain : Buffer.from(plain)), plain })
    if (turn % 7 === 0) vault.flush()
  }
  vault.flush()
  using reader = home.reader()
  for (const { ref, text, plain } of texts) {
    assert.deepEqual(reader.read(ref, text), { type: 'text', text: Buffer.from(plain) })
  }
  assert.equal(new Set(texts.map(({ ref }) => ref)).size, 30)
  await vault.sync()
  await vault.close()
})

test('names, keys and texts never stand in a file as they are', async () => {
  using home = new Home()
  const vault = home.vault()
  const { ref } = kept(vault, 'erika.mustermann@example.org', 'the text that must not be seen')
  vault.flush()
  const keys = home.drawn
    .filter((bytes) => bytes.length === 64)
    .flatMap((keys) => [keys.subarray(0, 32), keys.subarray(32)])
  assert.equal(keys.length, 2)
  const secret = [...keys, MASTER, 'erika.mustermann', 'the text that must']
  assert.deepEqual(home.scan(secret), [])
  await vault.close()
  assert.deepEqual(home.scan(secret), [])
  // The scan can find: the rows' own bytes are there.
  assert.equal(home.scan(home.row(ref)).length, 3)
})

test('a subject is the same one after a restart, and its name is known by its ref', async () => {
  using home = new Home()
  const first = home.vault()
  const { ref, text } = kept(first, 'key_one', 'before')
  assert.equal(first.find('key_one'), ref)
  assert.equal(first.nameOf(ref), 'key_one')
  first.flush()
  await first.close()
  const second = home.vault()
  assert.equal(second.find('key_one'), ref)
  assert.equal(second.find('key_two'), undefined)
  assert.equal(second.nameOf(ref), 'key_one')
  assert.equal(second.nameOf(newId('sub', 0)), undefined)
  const after = kept(second, 'key_one', 'after')
  assert.equal(after.ref, ref)
  assert.ok(after.text.at > text.at, 'the same day goes on in the same file')
  second.flush()
  using reader = home.reader()
  assert.deepEqual(reader.read(ref, text), { type: 'text', text: Buffer.from('before') })
  assert.deepEqual(reader.read(ref, after.text), { type: 'text', text: Buffer.from('after') })
  await second.close()
})

test('names that are the same in UTF-8 are one subject, and cannot spoil a flush', async () => {
  using home = new Home()
  const vault = home.vault()
  const [one, other] = [kept(vault, 'half \ud800', 'a'), kept(vault, 'half \udfff', 'b')]
  assert.equal(one.ref, other.ref)
  vault.flush()
  assert.equal(vault.find('half \ud801'), one.ref)
  await vault.close()
})

test('no byte of a key stream is used twice, over restarts, deaths and evictions', async () => {
  const act = fc.oneof(
    { weight: 8, arbitrary: fc.record({ subject: fc.nat(4), bytes: fc.nat(70) }) },
    { weight: 2, arbitrary: fc.constantFrom('flush' as const, 'restart' as const, 'die' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 40 }), async (acts) => {
      using home = new Home()
      let vault = home.vault({ subjectsInMemory: 2 })
      const dead: Vault[] = []
      const waiting: TextRef[] = []
      const used = new Map<string, [number, number][]>()
      const flush = (): void => {
        vault.flush()
        for (const text of waiting.splice(0)) noteUse(home, text, used)
      }
      for (const one of acts) {
        if (one === 'flush') flush()
        else if (one === 'restart') {
          flush()
          await vault.close()
          vault = home.vault({ subjectsInMemory: 2 })
        } else if (one === 'die') {
          waiting.length = 0
          dead.push(vault)
          vault = home.vault({ subjectsInMemory: 2 })
        } else waiting.push(kept(vault, `person ${one.subject}`, 'x'.repeat(one.bytes)).text)
      }
      flush()
      await vault.close()
      assertDisjoint(used)
    }),
    { numRuns: 25 },
  )
})

function noteUse(home: Home, text: TextRef, used: Map<string, [number, number][]>): void {
  const path = join(home.folder, `${String(text.file).padStart(6, '0')}.vault`)
  const frame = readFrame(readFileSync(path).subarray(text.at, text.at + text.bytes))
  assert.ok(frame)
  const stream = `${frame.id.toString('hex')} ${frame.nonce.toString('hex')}`
  const spans = used.get(stream) ?? []
  spans.push([frame.streamOffset, frame.streamOffset + frame.sealed.length])
  used.set(stream, spans)
}

function assertDisjoint(used: ReadonlyMap<string, [number, number][]>): void {
  for (const spans of used.values()) {
    spans.sort((one, other) => one[0] - other[0])
    for (const [index, [start]] of spans.entries())
      assert.ok(index === 0 || start >= (spans[index - 1]?.[1] ?? 0))
  }
}

test('another master key is told when the vault is opened, for writing or reading', async () => {
  using home = new Home()
  await home.vault().close()
  const other = Buffer.alloc(32, 8)
  const told = (error: unknown) =>
    error instanceof UpshiftError && /another master key.*backup/s.test(error.message)
  assert.throws(() => home.vault({ master: other }), told)
  const { folder, database } = home
  assert.throws(() => openVaultReader({ folder, database, master: other }), told)
  await home.vault().close()
})

test('a day or a size begins a new file, and a number is never given twice', async () => {
  using home = new Home()
  let now = Date.UTC(2026, 10, 21, 23, 59)
  const more = { clock: { now: () => now, elapsed: () => now }, fileBytes: 1_000 }
  const vault = home.vault(more)
  const fileOf = (text: string): number => {
    const { text: at } = kept(vault, 'p', text)
    vault.flush()
    return at.file
  }
  assert.deepEqual([fileOf('a'), fileOf('b'.repeat(1_000)), fileOf('c')], [1, 1, 2])
  now += DAY_MS
  assert.equal(fileOf('d'), 3)
  assert.deepEqual(
    vault.files().map(({ file, day }) => `${file} ${day}`),
    ['1 20261121', '2 20261121', '3 20261122'],
  )
  assert.equal(
    readFileSync(join(home.folder, '000003.vault')).toString('latin1', 0, 25),
    'upshift-vault 1 20261122\n',
  )
  for (const { file } of vault.files()) vault.remove(file)
  vault.remove(3)
  assert.deepEqual(vault.files(), [])
  await vault.close()
  const again = home.vault(more)
  assert.equal(kept(again, 'p', 'e').text.file, 4)
  again.flush()
  await again.sync()
  await again.close()
})

test('the reader tells what is erased, expired and damaged', async () => {
  using home = new Home()
  const vault = home.vault({ fileBytes: 100 })
  const one = kept(vault, 'one', 'x'.repeat(200))
  const same = kept(vault, 'one', 'the same file')
  vault.flush()
  const two = kept(vault, 'two', 'another file')
  vault.flush()
  using reader = home.reader()
  assert.equal(reader.read(newId('sub', 0), one.text).type, 'erased')
  assert.deepEqual(reader.read(two.ref, one.text), { type: 'damaged', why: `it is not a text of ${two.ref}` })
  assert.equal(reader.read(one.ref, { ...one.text, bytes: one.text.bytes - 1 }).type, 'damaged')
  assert.equal(reader.read(one.ref, { ...one.text, bytes: 2 ** 40 }).type, 'damaged')
  const path = join(home.folder, '000001.vault')
  const bytes = readFileSync(path)
  const at = one.text.at + FRAME_HEADER_BYTES
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  writeFileSync(path, bytes)
  assert.equal(reader.read(one.ref, one.text).type, 'damaged')
  assert.equal(reader.read(one.ref, same.text).type, 'text')
  vault.remove(1)
  assert.equal(reader.read(one.ref, same.text).type, 'expired')
  await vault.erase(two.ref)
  assert.equal(reader.read(two.ref, two.text).type, 'erased')
  await vault.close()
})

test('a reader of a home without a vault says so', () => {
  using home = new Home()
  assert.throws(
    () => home.reader(),
    (error) => error instanceof UpshiftError && /vault\.db cannot be read/.test(error.message),
  )
})

const canLimit = process.platform === 'linux' && existsSync('/usr/bin/prlimit')

test('a write that fails in the middle takes back what it gave out, and the next one succeeds', {
  skip: !canLimit,
}, async () => {
  using home = new Home()
  const vault = home.vault()
  const before = kept(vault, 'one', 'x'.repeat(300_000))
  vault.flush()
  const size = statSync(join(home.folder, '000001.vault')).size
  const failed = kept(vault, 'one', 'y'.repeat(10_000))
  limitFiles(size + 5_000)
  try {
    assert.throws(() => vault.flush(), codeIs('disk_full'))
    assert.equal(statSync(join(home.folder, '000001.vault')).size, size)
  } finally {
    limitFiles(undefined)
  }
  const next = kept(vault, 'one', 'z'.repeat(10_000))
  assert.equal(next.text.at, failed.text.at)
  vault.flush()
  const used = new Map<string, [number, number][]>()
  noteUse(home, next.text, used)
  const [begin = 0, end = 0] = [...used.values()][0]?.[0] ?? []
  assert.equal(end - begin, 10_000)
  assert.ok(begin >= 310_000, 'the key stream of the failed text is not used again')
  using reader = home.reader()
  for (const { ref, text } of [before, next]) assert.equal(reader.read(ref, text).type, 'text')
  assert.equal(reader.read(failed.ref, failed.text).type, 'damaged')
  await vault.close()
})

test('a subject that could not be written is nobody, and is made anew', { skip: !canLimit }, async () => {
  using home = new Home()
  const vault = home.vault()
  kept(vault, 'old', 'x')
  vault.flush()
  const lost = vault.subject('new')
  vault.seal(lost, 'text')
  limitFiles(4_096)
  try {
    assert.throws(() => vault.flush(), UpshiftError)
    assert.throws(() => vault.seal(lost, 'more'), codeIs('record_unavailable'))
  } finally {
    limitFiles(undefined)
  }
  const again = kept(vault, 'new', 'text')
  assert.notEqual(again.ref, lost.ref)
  vault.flush()
  using reader = home.reader()
  assert.equal(reader.read(again.ref, again.text).type, 'text')
  await vault.close()
})

test('where the disk refuses to make texts durable, nothing more is taken', {
  skip: process.platform !== 'linux',
}, async () => {
  using home = new Home()
  const vault = home.vault()
  const { text } = kept(vault, 'one', 'x')
  vault.flush()
  const open = readdirSync('/proc/self/fd').find((descriptor) => {
    const path = `/proc/self/fd/${descriptor}`
    return existsSync(path) && readlinkSync(path).endsWith('000001.vault')
  })
  closeSync(Number(open))
  await assert.rejects(vault.sync(), codeIs('record_unavailable'))
  assert.throws(() => kept(vault, 'one', 'y'), codeIs('record_unavailable'))
  assert.throws(() => vault.subject('two'), codeIs('record_unavailable'))
  await assert.rejects(vault.sync(), codeIs('record_unavailable'))
  assert.equal(text.file, 1)
})

test('one text that is too much for a tick is refused alone', async () => {
  using home = new Home()
  const vault = home.vault()
  const small = kept(vault, 'one', 'small')
  assert.throws(
    () => vault.seal(vault.subject('one'), Buffer.alloc(256 * 1_048_576)),
    codeIs('record_unavailable'),
  )
  vault.flush()
  using reader = home.reader()
  assert.equal(reader.read(small.ref, small.text).type, 'text')
  await vault.close()
})

test('a ref stands for the same 128 bits in a frame', () => {
  const ref = newId('sub', 0xabc_def_012_345)
  assert.equal(idOfRef(ref)?.toString('hex', 0, 6), 'abcdef012345')
  assert.notDeepEqual(idOfRef(newId('sub', 1)), idOfRef(newId('sub', 1)))
  for (const wrong of [
    'sub_',
    'key_01',
    ref.slice(0, -1),
    ref.replace('sub', 'req'),
    `sub_8${'0'.repeat(25)}`,
  ])
    assert.equal(idOfRef(wrong), undefined)
})

/** Bytes that any file of this process may have: what lies beyond fails as on a full disk. */
function limitFiles(bytes: number | undefined): void {
  const limit = `--fsize=${bytes ?? 'unlimited'}:`
  const end = spawnSync('/usr/bin/prlimit', ['--pid', String(process.pid), limit], { encoding: 'utf8' })
  assert.equal(end.status, 0, end.stderr)
}

import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Refused } from '../../contract/entry.ts'
import { lockHome } from '../lock.ts'
import { decodeEntry, encodeLine, HEADER, splitLine } from './line.ts'
import { type Beside, type Log, type LogOptions, openLog } from './log.ts'
import { listSegments, readLines } from './segments.ts'
import { Tail, type VisitLeaf } from './tail.ts'

const DAY_MS = 86_400_000

function refusedEntry(id: string): Refused {
  return { type: 'refused', id, key: 'key_test', code: 'guard_refused' }
}

function opening(
  folder: string,
  more: Partial<Omit<LogOptions, 'folder'>> & { now?: () => number; segmentBytes?: number } = {},
) {
  const seen: string[] = []
  const now = more.now ?? (() => 1_700_000_000_000)
  const log: Log = openLog({
    folder,
    config: { durability: 'batch', segmentBytes: more.segmentBytes ?? 1_000_000 },
    clock: { now, elapsed: now },
    since: more.since ?? 0,
    from: more.from,
    ...(more.beside === undefined ? {} : { beside: more.beside }),
    ...(more.synced === undefined ? {} : { synced: more.synced }),
    visit: (entry) => seen.push(`${entry.seq}:${'id' in entry ? entry.id : entry.type}`),
  })
  return { log, seen }
}

function freshFolder(): string {
  return join(mkdtempSync(join(tmpdir(), 'upshift-log-')), 'log')
}

test('what was appended is read back in order by the next opening, with gapless sequence numbers', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await Promise.all(['a', 'b', 'c'].map((id) => log.append(refusedEntry(id))))
  await log.append(refusedEntry('d'))
  await log.close()
  const again = opening(folder)
  assert.deepEqual(again.seen, ['0:a', '1:b', '2:c', '3:d'])
  assert.equal(again.log.nextSeq, 4)
  assert.equal(again.log.opened.cutBytes, 0)
  await again.log.close()
})

test('a torn tail is cut at every length and reported, and the whole lines before it stay', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.append(refusedEntry('whole'))
  await log.append(refusedEntry('torn'))
  await log.close()
  const [name] = readdirSync(folder)
  assert.ok(name)
  const path = join(folder, name)
  const bytes = readFileSync(path)
  const first = bytes.indexOf(10, HEADER.length) + 1
  for (let length = first + 1; length < bytes.length; length += 7) {
    writeFileSync(path, bytes.subarray(0, length))
    const again = opening(folder)
    assert.deepEqual(again.seen, ['0:whole'])
    assert.equal(again.log.opened.cutBytes, length - first)
    await again.log.append(refusedEntry('after'))
    await again.log.close()
    const third = opening(folder)
    assert.deepEqual(third.seen, ['0:whole', '1:after'])
    await third.log.close()
  }
})

test('a changed byte before whole lines is damage, not a torn tail, and the file is named', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.append(refusedEntry('a'))
  await log.append(refusedEntry('b'))
  await log.close()
  const [name] = readdirSync(folder)
  assert.ok(name)
  const path = join(folder, name)
  const bytes = readFileSync(path)
  bytes[40] = (bytes[40] ?? 0) ^ 1
  writeFileSync(path, bytes)
  assert.throws(() => opening(folder), new RegExp(name.replace('.', '\\.')))
})

test('a new day and a full segment each begin a new file, and old days are skipped on opening', async () => {
  const folder = freshFolder()
  let now = 1_700_000_000_000
  const { log } = opening(folder, { now: () => now, segmentBytes: 165 })
  await log.append(refusedEntry('old-1'))
  await log.append(refusedEntry('old-2'))
  now += DAY_MS
  await log.append(refusedEntry('new'))
  await log.close()
  assert.equal(readdirSync(folder).length, 3)
  const again = opening(folder, { now: () => now, since: now })
  assert.deepEqual(again.seen, ['2:new'])
  assert.equal(again.log.nextSeq, 3)
  await again.log.close()
})

test('an append after close is refused', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.close()
  await assert.rejects(log.append(refusedEntry('late')), /not recorded/)
})

test('garbage that was never a line is cut as a torn tail', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.append(refusedEntry('a'))
  await log.close()
  const [name] = readdirSync(folder)
  assert.ok(name)
  appendFileSync(join(folder, name), Buffer.alloc(300))
  const again = opening(folder)
  assert.equal(again.log.opened.cutBytes, 300)
  await again.log.close()
})

test('a home has one holder at a time', () => {
  const home = mkdtempSync(join(tmpdir(), 'upshift-lock-'))
  const lock = lockHome(home)
  assert.throws(() => lockHome(home), /Another Upshift process holds/)
  lock.release()
  lockHome(home).release()
})

test('what entries refer to goes before them, and where it cannot they are refused and leave no gap', async () => {
  const order: string[] = []
  const folder = freshFolder()
  let full = false
  const beside: Beside = {
    flush: () => {
      if (full) throw new Error('no space left')
      order.push(`texts before ${readEntries(folder)}`)
    },
    sync: async () => void order.push('texts to disk'),
  }
  const { log } = opening(folder, { beside, synced: (seq) => order.push(`to disk: ${seq}`) })
  await log.append(refusedEntry('a'))
  await log.sync()
  full = true
  await assert.rejects(
    Promise.all([log.append(refusedEntry('b')), log.append(refusedEntry('c'))]),
    /no space left/,
  )
  full = false
  await log.append(refusedEntry('d'))
  await log.close()
  assert.deepEqual(order.slice(0, 3), ['texts before 0', 'texts to disk', 'to disk: 1'])
  assert.deepEqual(opening(folder).seen, ['0:a', '1:d'])
})

test('an opening from a position reads only what comes after it, and refuses a log that ends before it', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await Promise.all(['a', 'b', 'c'].map((id) => log.append(refusedEntry(id))))
  await log.close()
  const tail = new Tail(folder, 2, undefined)
  const from = tail.position
  const again = opening(folder, { from })
  assert.deepEqual([again.seen, again.log.nextSeq], [['2:c'], 3])
  await again.log.close()
  const [name] = readdirSync(folder)
  truncateSync(join(folder, name ?? ''), from.offset - 5)
  assert.throws(() => opening(folder, { from }), /ends before entry 2/)
})

test('entries that were removed between two others are found on opening', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await Promise.all(['a', 'b', 'c'].map((id) => log.append(refusedEntry(id))))
  await log.close()
  const path = join(folder, readdirSync(folder)[0] ?? '')
  const lines = readFileSync(path, 'utf8').split('\n')
  writeFileSync(path, lines.toSpliced(2, 1).join('\n'))
  assert.throws(() => opening(folder), /holds entry 2 at byte \d+, where entry 1 should be/)
})

test('a segment without a header is format 1 and is read, and one of a newer format is refused by its number', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.append(refusedEntry('a'))
  await log.close()
  const path = join(folder, readdirSync(folder)[0] ?? '')
  const bytes = readFileSync(path, 'utf8').slice(HEADER.length)
  writeFileSync(path, bytes)
  const old = opening(folder)
  assert.deepEqual(old.seen, ['0:a'])
  await old.log.close()
  writeFileSync(path, `upshift-log 3\n${bytes}`)
  assert.throws(() => opening(folder), /format 3 by a newer Upshift/)
})

test('a tail follows over segments and days, to where it is told and no further', async () => {
  const folder = freshFolder()
  let now = 1_700_000_000_000
  const { log } = opening(folder, { now: () => now, segmentBytes: 165 })
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    await log.append(refusedEntry(id))
    now += DAY_MS / 2
  }
  await log.sync()
  const seen: string[] = []
  const note: VisitLeaf = (seq, leaf) => void seen.push(`${seq}:${Object(decodeEntry(leaf)).id}`)
  const tail = new Tail(folder, 1, undefined)
  assert.equal(tail.read(3, 100, note), 2)
  assert.equal(tail.read(3, 100, note), 0)
  assert.equal(tail.read(5, 1, note), 1)
  const further = new Tail(folder, tail.position.seq, tail.position)
  assert.equal(further.read(5, 100, note), 1)
  assert.deepEqual(seen, ['1:b', '2:c', '3:d', '4:e'])
  await log.close()
})

function readEntries(folder: string): number {
  let count = 0
  for (const { path } of listSegments(folder)) {
    readLines(path, 0, () => {
      count += 1
      return true
    })
  }
  return count
}

test('a checksum in another spelling is not the one that was written', () => {
  const entry = { ...refusedEntry('a'), seq: 0, at: 1 }
  const line = Buffer.from(encodeLine(entry)).subarray(0, -1)
  assert.deepEqual(splitLine(line), Buffer.from(JSON.stringify(entry)))
  const digits = line.toString('latin1', 0, 8)
  assert.match(digits, /[a-f]/)
  line.write(digits.toUpperCase(), 'latin1')
  assert.equal(splitLine(line), undefined)
})

test('a segment that lost whole lines at its end is found on opening, by the number that is missing', async () => {
  const folder = freshFolder()
  let now = 1_700_000_000_000
  const { log } = opening(folder, { now: () => now })
  await Promise.all(['a', 'b'].map((id) => log.append(refusedEntry(id))))
  now += DAY_MS
  await log.append(refusedEntry('c'))
  await log.close()
  const [older] = listSegments(folder)
  assert.ok(older)
  const lines = readFileSync(older.path, 'utf8').split('\n')
  writeFileSync(older.path, `${lines.slice(0, 2).join('\n')}\n`)
  assert.throws(() => opening(folder), /holds entry 2 at byte 0, where entry 1 should be/)
})

test('what is told of an entry stands in its line as if the entry had held it', async () => {
  const folder = freshFolder()
  const { log } = opening(folder, { now: () => 1_700_000_000_000 })
  const prompt = { file: 1, at: 25, bytes: 99, sha256: 'aaaa' }
  const tolds = [undefined, {}, { subject: 'sub_é' }, { subject: 'sub_a', prompt }]
  for (const told of tolds) await log.append(refusedEntry('“a”'), told)
  await log.close()
  const [segment] = listSegments(folder)
  const expected = tolds.map((told, seq) =>
    encodeLine({ ...refusedEntry('“a”'), ...told, seq, at: 1_700_000_000_000 }),
  )
  assert.equal(readFileSync(segment?.path ?? '', 'utf8'), HEADER + expected.join(''))
})

test('a line that is longer than what is read at once is read whole, and those around it', () => {
  const folder = freshFolder()
  mkdirSync(folder)
  const ids = ['a', 'b'.repeat(100_000), 'c'.repeat(1_500_000), 'd', 'e'.repeat(262_144), 'f']
  const lines = ids.map((id, seq) => encodeLine({ ...refusedEntry(id), seq, at: 1 }))
  writeFileSync(join(folder, '000000000000-19700101.log'), HEADER + lines.join(''))
  const seen: string[] = []
  const tail = new Tail(folder, 0, undefined)
  tail.read(ids.length, 100, (_seq, leaf) => seen.push(Object(decodeEntry(leaf)).id))
  assert.deepEqual(seen, ids)
  assert.equal(tail.position.offset, Buffer.byteLength(HEADER + lines.join('')))
})

test('a clock that stood in another year for a while leaves a log that is read without a snapshot', async () => {
  const folder = freshFolder()
  const today = 1_700_000_000_000
  let now = today
  const { log } = opening(folder, { now: () => now })
  for (const [id, days] of Object.entries({ a: 0, b: -365, c: 0, d: 365, e: 0 })) {
    now = today + days * DAY_MS
    await log.append(refusedEntry(id))
  }
  await log.close()
  const again = opening(folder, { now: () => now, since: today })
  assert.deepEqual(again.seen, ['0:a', '2:c', '3:d', '4:e'])
  assert.equal(again.log.nextSeq, 5)
  await again.log.close()
})

test('a hole behind what a snapshot stands for is found, and nothing is written behind it', async () => {
  const folder = freshFolder()
  const { log } = opening(folder)
  await log.append(refusedEntry('a'))
  await log.close()
  const [only] = listSegments(folder)
  assert.ok(only)
  const from = { seq: 1, segment: only.name, offset: readFileSync(only.path).length }
  const moved = join(folder, '000000000007-20231114.log')
  writeFileSync(moved, HEADER)
  assert.throws(() => opening(folder, { from }), /holds entry 7 at byte 0, where entry 1 should be/)
  renameSync(only.path, moved)
  assert.throws(() => opening(folder, { from }), new RegExp(`${only.name} is not there.*removed or renamed`))
})

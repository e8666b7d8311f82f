import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Refused } from '../contract/entry.ts'
import { lockHome } from './lock.ts'
import { type Log, openLog } from './log.ts'

const DAY_MS = 86_400_000

function refusedEntry(id: string): Refused {
  return { type: 'refused', id, key: 'key_test', code: 'guard_refused' }
}

function opening(folder: string, more: { now?: () => number; segmentBytes?: number; since?: number } = {}) {
  const seen: string[] = []
  const now = more.now ?? (() => 1_700_000_000_000)
  const log: Log = openLog({
    folder,
    config: { durability: 'batch', segmentBytes: more.segmentBytes ?? 1_000_000 },
    clock: { now, elapsed: now },
    since: more.since ?? 0,
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
  const first = bytes.indexOf(10) + 1
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
  bytes[20] = (bytes[20] ?? 0) ^ 1
  writeFileSync(path, bytes)
  assert.throws(() => opening(folder), new RegExp(name.replace('.', '\\.')))
})

test('a new day and a full segment each begin a new file, and old days are skipped on opening', async () => {
  const folder = freshFolder()
  let now = 1_700_000_000_000
  const { log } = opening(folder, { now: () => now, segmentBytes: 150 })
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

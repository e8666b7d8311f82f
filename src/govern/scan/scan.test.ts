import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { scanInChild } from './run.ts'
import { scanHome } from './scan.ts'

const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
function freshHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'upshift-scan-'))
  folders.push(home)
  return home
}
const still = new AbortController().signal

test('a string is found at its offset in every file below the home, also across the ends of chunks', async () => {
  const home = freshHome()
  mkdirSync(join(home, 'log', 'deep'), { recursive: true })
  const secret = Buffer.from('the plans for the moon base')
  const big = randomBytes(9 * 1_048_576)
  const offsets = [0, 4 * 1_048_576 - 10, 8 * 1_048_576 + 3, big.length - secret.length]
  for (const offset of offsets) secret.copy(big, offset)
  writeFileSync(join(home, 'log', 'deep', 'big'), big)
  writeFileSync(join(home, 'empty'), '')
  writeFileSync(join(home, 'small'), `x${secret}`)
  const report = await scanHome({ home, probes: [Buffer.from('is nowhere'), secret] }, still)
  assert.equal(report.files, 3)
  assert.equal(report.bytes, big.length + secret.length + 1)
  assert.deepEqual(
    report.hits.map(({ probe, count }) => [probe, count]),
    [[1, 5]],
  )
  const places = report.hits[0]?.places.toSorted((one, other) => one.offset - other.offset)
  assert.deepEqual(
    places?.filter(({ file }) => file === 'log/deep/big').map(({ offset }) => offset),
    offsets,
  )
  assert.deepEqual(
    places?.find(({ file }) => file === 'small'),
    { file: 'small', offset: 1 },
  )
})

test('the weights of local models are passed over, and what is noted beside them is not', async () => {
  const home = freshHome()
  mkdirSync(join(home, 'models'))
  for (const name of ['small.gguf', 'big.gguf.part', 'small.json', 'weights.gguf.txt'])
    writeFileSync(join(home, 'models', name), 'Catherine')
  const report = await scanHome({ home, probes: [Buffer.from('Catherine')] }, still)
  assert.deepEqual(report.hits[0]?.places.map(({ file }) => file).sort(), [
    'models/small.json',
    'models/weights.gguf.txt',
  ])
})

test('sockets and links are passed over, and nothing outside the home is read', async () => {
  const home = freshHome()
  const outside = freshHome()
  writeFileSync(join(outside, 'file'), 'a text that lies elsewhere')
  symlinkSync(outside, join(home, 'folder-link'))
  symlinkSync(join(outside, 'file'), join(home, 'file-link'))
  const server = createServer().listen(join(home, 'control.sock'))
  await new Promise((resolve) => server.once('listening', resolve))
  const report = await scanHome({ home, probes: [Buffer.from('a text that lies elsewhere')] }, still)
  server.close()
  assert.deepEqual(report, { files: 0, bytes: 0, hits: [], unread: [] })
})

test('a folder that is not looked into is told and not taken for clean', async () => {
  const home = freshHome()
  mkdirSync(join(home, ...Array.from({ length: 40 }, () => 'deeper')), { recursive: true })
  const { unread } = await scanHome({ home, probes: [Buffer.from('anything')] }, still)
  assert.equal(unread.length, 1)
  assert.match(unread[0]?.file ?? '', /^(deeper\/)+deeper$/)
  assert.match(unread[0]?.why ?? '', /more than 32 folders deep/)
})

test('the scan of a home does not cost this process its SQLite locks', async () => {
  const home = freshHome()
  const path = join(home, 'lock.db')
  const lock = new DatabaseSync(path)
  lock.exec('PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE t (x); BEGIN EXCLUSIVE')
  const report = await scanInChild({ home, probes: [Buffer.from('CREATE TABLE none')] })
  assert.ok(report.files >= 1)
  // Another process must still find it locked; SQLite in this one would not ask the operating system.
  const { spawnSync } = await import('node:child_process')
  const code = `new (require('node:sqlite').DatabaseSync)(process.argv[1]).exec('BEGIN EXCLUSIVE')`
  const other = spawnSync(process.execPath, ['-e', code, path], { encoding: 'utf8' })
  lock.close()
  assert.match(other.stderr, /database is locked/)
})

test('a scan in a process of its own reports as one here, and an abort ends it', async () => {
  const home = freshHome()
  writeFileSync(join(home, 'file'), 'here it is: an unforgettable sentence')
  const task = { home, probes: [Buffer.from('an unforgettable sentence')] }
  assert.deepEqual(await scanInChild(task), await scanHome(task, still))
  await assert.rejects(scanInChild(task, AbortSignal.abort()), /could not be scanned/)
})

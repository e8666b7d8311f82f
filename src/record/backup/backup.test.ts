import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isRefusal } from '../../contract/problem.ts'
import { verifyHome } from '../audit/verify.ts'
import { backUp } from './backup.ts'
import { readManifest } from './manifest.ts'
import { logFacts } from './replaced.ts'
import type { BackupEvent } from './wire.ts'
import { WritingHome } from './writing-home.fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-backups-'))
const homes: WritingHome[] = []
after(() => {
  for (const one of homes) {
    one.close()
    rmSync(one.home, { recursive: true, force: true })
  }
  rmSync(root, { recursive: true, force: true })
})
const signal = new AbortController().signal

function writingHome(): WritingHome {
  const made = new WritingHome()
  homes.push(made)
  return made
}

async function backedUp(home: WritingHome, folder: string, keys = true): Promise<readonly BackupEvent[]> {
  const events = backUp(home.ports, { folder, keys })
  if (isRefusal(events)) assert.fail(events.problem.message)
  const seen: BackupEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

test('a copy made under load passes the audit, and its databases know all that its log names', async () => {
  const home = writingHome()
  const before = home.written
  home.keepWriting()
  const folder = join(root, 'under-load')
  const seen = await backedUp(home, folder)
  home.rest()
  assert.ok(home.written > before, 'nothing was written meanwhile')
  const done = seen.at(-1)
  assert.ok(done?.type === 'done', JSON.stringify(done))
  const last = seen.findLast((event) => event.type === 'progress')
  assert.ok(last?.type === 'progress' && last.done === last.total)
  const verdict = await verifyHome({ home: folder, signal })
  assert.deepEqual(verdict.problems, [])
  assert.ok(verdict.entries >= before * 3 && verdict.checkpoint?.size === done.entries)
  const requests = Math.floor(logFacts(folder).nextSeq / 3)
  const copy = new DatabaseSync(join(folder, 'vault.db'), { readOnly: true })
  assert.ok(Number(copy.prepare('SELECT count(*) AS n FROM seen').get()?.n) >= requests)
  copy.close()
})

test('the copy is for its owner alone, and holds what a home needs and nothing that is made again', async () => {
  const home = writingHome()
  const folder = join(root, 'private')
  await backedUp(home, folder)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  for (const file of files) {
    const mode = statSync(join(file.parentPath, file.name)).mode & 0o777
    assert.equal(mode, file.isDirectory() ? 0o700 : 0o600, file.name)
  }
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  const top = readdirSync(folder).sort()
  const keys = ['audit.key', 'audit.pub', 'owner.key', 'vault.key']
  assert.deepEqual(top, [...keys, 'log', 'manifest.json', 'state.db', 'tree', 'vault', 'vault.db'].sort())
  const bare = join(root, 'without-keys')
  await backedUp(home, bare, false)
  assert.deepEqual(
    readdirSync(bare).filter((name) => keys.includes(name)),
    ['audit.pub'],
  )
  assert.equal(readManifest(bare).keys, false)
})

test('a folder in the home, one that is not empty and a relative one are refused, and left as they are', () => {
  const { ports, home } = writingHome()
  const full = join(root, 'full')
  mkdirSync(full)
  writeFileSync(join(full, 'mine'), 'precious')
  for (const [folder, code] of [
    [join(home, 'copy'), 'invalid_request'],
    [home, 'invalid_request'],
    ['relative', 'invalid_request'],
    [full, 'conflict'],
    [join(full, 'mine'), 'conflict'],
  ] as const) {
    const refused = backUp(ports, { folder, keys: true })
    assert.ok(isRefusal(refused) && refused.problem.code === code, folder)
  }
  assert.equal(readFileSync(join(full, 'mine'), 'utf8'), 'precious')
  assert.equal(existsSync(join(home, 'copy')), false)
})

test('a folder that a link leads into the home is refused', () => {
  const made = writingHome()
  const link = join(root, 'link-into-home')
  symlinkSync(made.home, link)
  const refused = backUp(made.ports, { folder: join(link, 'new', 'inside'), keys: true })
  assert.ok(isRefusal(refused) && /lies in the home itself/.test(refused.problem.message))
})

test('a backup whose reader goes away is removed, and so is one that fails, with the reason told', async () => {
  const home = writingHome()
  const left = join(root, 'left')
  const events = backUp(home.ports, { folder: left, keys: true })
  assert.ok(!isRefusal(events))
  assert.equal((await events.next()).done, false)
  assert.ok(existsSync(left))
  await events.return(undefined)
  assert.equal(existsSync(left), false)
  const failing = { ...home.ports, settle: () => Promise.reject(new Error('the disk went away')) }
  const broken = join(root, 'broken')
  mkdirSync(broken)
  const failed = backUp(failing, { folder: broken, keys: true })
  assert.ok(!isRefusal(failed))
  const { value } = await failed.next()
  assert.ok(value?.type === 'failed' && /the disk went away/.test(value.message))
  await failed.next()
  assert.deepEqual(readdirSync(broken), [])
  assert.equal(home.ports.turns.full, false)
})

test('backups wait for each other, and one too many is refused', async () => {
  const home = writingHome()
  using _turn = await home.ports.turns.enter()
  const first = backUp(home.ports, { folder: join(root, 'queued'), keys: true })
  assert.ok(!isRefusal(first))
  const waiting = first.next()
  const second = backUp(home.ports, { folder: join(root, 'refused'), keys: true })
  assert.ok(isRefusal(second) && second.problem.code === 'queue_full')
  _turn[Symbol.dispose]()
  assert.equal((await waiting).done, false)
  await first.return(undefined)
})

const KILLED = fileURLToPath(new URL('./backup-killed.fixture.ts', import.meta.url))

test('a process that is killed while it copies leaves no backup, and a home that passes the audit', async () => {
  for (const steps of [1, 4]) {
    const home = mkdtempSync(join(root, 'killed-home-'))
    const folder = join(root, `killed-${steps}`)
    const killed = spawnSync(process.execPath, [KILLED, home, folder, String(steps)], { encoding: 'utf8' })
    assert.equal(killed.signal, 'SIGKILL', killed.stderr)
    assert.throws(() => readManifest(folder), /broken off/)
    const again = backUp(writingHome().ports, { folder, keys: true })
    assert.ok(isRefusal(again))
    assert.match(again.problem.message, /holds a backup that was broken off.*may hold keys/)
    assert.deepEqual((await verifyHome({ home, signal })).problems, [])
  }
})

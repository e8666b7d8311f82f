import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { upshift as command } from '../bench/process/command.ts'
import { createKey } from '../bench/process/keys.ts'
import { startUpshift, type Upshift } from '../bench/process/upshift.ts'
import { askAll, person, startEchoEngine } from '../bench/trials/asked-subject.ts'
import { logEntries } from '../bench/trials/log-entries.ts'
import { type Needle, rootForms, sight, subjectRows } from '../bench/trials/planted.ts'

/** Backup and restore over the whole process: real commands beside a real server. */

const KILLED_RESTORE = fileURLToPath(
  new URL('../src/record/backup/restore-killed.fixture.ts', import.meta.url),
)
const LIMIT = { timeout: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'upshift-backup-'))
const engine = await startEchoEngine()
after(async () => {
  await engine[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const ada = person('ada')
const grace = person('grace')
const CLIENTS = 4

test(
  'a backup that is made under load is restored to another home, verifies, and answers',
  LIMIT,
  async () => {
    const { where, home, backup } = places('load')
    const other = join(where, 'other')
    await using upshift = await startUpshift({ folder: where, engine: engine.url })
    const made = await createKey(upshift, 'laptop', { usdPerDay: 5 })
    await askAll(upshift, ada)
    const before = closedIn(home)
    let loading = true
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (loading) await askAll({ port: upshift.port, key: made.secret }, grace)
    })
    const copied = await command(home, ['backup', backup, '--json'])
    loading = false
    await Promise.all(clients)
    assert.equal(copied.code, 0, copied.err)
    const { entries } = JSON.parse(copied.out)
    assert.deepEqual(sight(backup, rootForms()), [], 'the texts are encrypted in it')

    const restored = await command(home, ['restore', backup, '--to', join(other, 'home'), '--json'])
    assert.equal(restored.code, 0, restored.err)
    assert.ok(JSON.parse(restored.out).entries >= entries)
    await assertSound(join(other, 'home'))
    const kept = closedIn(join(other, 'home'))
    assert.ok(
      before.every((id) => kept.includes(id)),
      'what was recorded before the backup is in it',
    )
    assert.ok(closedIn(home).length > before.length)

    await using second = await startUpshift({ folder: other, engine: engine.url })
    assert.equal(second.key, upshift.key, 'the owner’s key is the same')
    await askAll({ port: second.port, key: second.key }, grace)
    const exported = await command(join(other, 'home'), ['subject', 'export', ada.name])
    assert.equal(exported.code, 0, exported.err)
    assert.match(exported.out, /planted0bytes-ada/, 'texts from before the backup can be read')
    await assertSound(join(other, 'home'))
    await assertSound(home)
  },
)

test('who was erased after the backup does not come back with it', LIMIT, async () => {
  const { where, home, backup } = places('erased')
  let rows: readonly Needle[] = []
  {
    await using upshift = await startUpshift({ folder: where, engine: engine.url })
    await askAll(upshift, grace)
    await askAll(upshift, ada)
    rows = newestRows(home)
    assert.equal((await command(home, ['backup', backup])).code, 0)
    const erased = await command(home, ['subject', 'erase', ada.name, '--yes'])
    assert.equal(erased.code, 0, erased.err)
    assert.deepEqual(sight(home, rows), [])
    const running = await command(home, ['restore', backup, '--force'])
    assert.equal(running.code, 1, 'not while a server runs on it')
    await end(upshift)
  }
  const asked = await command(home, ['restore', backup])
  assert.equal(asked.code, 1)
  assert.match(asked.err, /--force/)
  const restored = await command(home, ['restore', backup, '--force'])
  assert.equal(restored.code, 0, restored.err)
  assert.match(restored.err, /The next start erases again who was erased since: sub_/)
  assert.ok(sight(home, rows).length > 0, 'the backup itself still had it')
  {
    await using upshift = await startUpshift({ folder: where, engine: engine.url })
    const [ref] = rows.map(({ what }) => what.split(' of ')[1])
    const entry = logEntries(home).find(({ type, subject }) => type === 'erasure-done' && subject === ref)
    assert.ok(entry !== undefined, 'it was erased again before anybody was served')
    assert.deepEqual(sight(home, [...rows, ...rootForms()]), [])
    const gone = await command(home, ['subject', 'export', ada.name])
    assert.equal(gone.code, 1, gone.out)
    const stays = await command(home, ['subject', 'export', grace.name])
    assert.match(stays.out, /planted0bytes-grace/)
    await askAll(upshift, grace)
    await end(upshift)
  }
  await assertSound(home)
})

test('a backup without its keys needs those of the home that it replaces', LIMIT, async () => {
  const { where, home, backup } = places('keyless')
  {
    await using upshift = await startUpshift({ folder: where, engine: engine.url })
    await askAll(upshift, ada)
    const made = await command(home, ['backup', backup, '--without-keys'])
    assert.equal(made.code, 0, made.err)
    await end(upshift)
  }
  for (const name of ['owner.key', 'vault.key', 'audit.key']) {
    assert.ok(!readdirSync(backup, { recursive: true }).some((path) => String(path).endsWith(name)), name)
  }
  const elsewhere = await command(home, ['restore', backup, '--to', join(where, 'bare')])
  assert.match(elsewhere.err, /holds no keys\. Before the first start put these in place: /)
  const restored = await command(home, ['restore', backup, '--force'])
  assert.equal(restored.code, 0, restored.err)
  assert.ok(existsSync(join(home, 'vault.key')))
  await using upshift = await startUpshift({ folder: where, engine: engine.url })
  const exported = await command(upshift.home, ['subject', 'export', ada.name])
  assert.match(exported.out, /planted0bytes-ada/)
})

test('a restore that was killed between its two renames is never taken for a new home', LIMIT, async () => {
  const { where, home, backup } = places('swapped')
  {
    await using upshift = await startUpshift({ folder: where, engine: engine.url })
    await askAll(upshift, ada)
    assert.equal((await command(home, ['backup', backup])).code, 0)
    await end(upshift)
  }
  const restoring = spawnSync(process.execPath, [KILLED_RESTORE, backup, home, 'renamed'], {
    encoding: 'utf8',
  })
  assert.equal(restoring.signal, 'SIGKILL', restoring.stderr)
  const [aside = '', staged = ''] = readdirSync(where)
    .filter((name) => name.startsWith('home.'))
    .sort()
    .map((name) => join(where, name))
  assert.match(staged, /\.restoring-/)
  for (const words of [['serve'], ['keys', 'list'], ['restore', backup, '--force']]) {
    const refused = await command(home, words, { PORT: '0' })
    assert.equal(refused.code, 1, refused.out)
    assert.ok(refused.err.includes(aside) && refused.err.includes(staged), refused.err)
    assert.match(refused.err, /broken off.*[Rr]ename/s)
  }
  const doctor = await command(home, ['doctor'])
  assert.ok(doctor.out.includes('FAIL  home:') && doctor.out.includes(aside), doctor.out)
  assert.ok(!existsSync(home), 'nothing was made in its place')
  renameSync(staged, home)
  assert.equal((await command(home, ['keys', 'list'])).code, 0)
  await assertSound(home)
})

test(
  'what a restore has left that was killed is named by the next one and by the doctor',
  LIMIT,
  async () => {
    const { where, home, backup } = places('left')
    {
      await using upshift = await startUpshift({ folder: where, engine: engine.url })
      await askAll(upshift, ada)
      assert.equal((await command(home, ['backup', backup])).code, 0)
      await end(upshift)
    }
    const restoring = spawnSync(process.execPath, [KILLED_RESTORE, backup, home, 'copying'], {
      encoding: 'utf8',
    })
    assert.equal(restoring.signal, 'SIGKILL', restoring.stderr)
    const left = join(where, readdirSync(where).find((name) => name.startsWith('home.restoring-')) ?? '')
    const doctor = await command(home, ['doctor'])
    assert.ok(doctor.out.includes(`warn  restore: ${left}`), doctor.out)
    const again = await command(home, ['restore', backup, '--force'])
    assert.equal(again.code, 0, again.err)
    assert.ok(again.err.includes(left), again.err)
  },
)

function places(name: string): { where: string; home: string; backup: string } {
  const where = mkdtempSync(join(folder, `${name}-`))
  return { where, home: join(where, 'home'), backup: join(where, 'copy') }
}

function closedIn(home: string): readonly string[] {
  return logEntries(home).flatMap(({ type, id }) => (type === 'closed' && id !== undefined ? [id] : []))
}

function newestRows(home: string): readonly Needle[] {
  const ref = logEntries(home).findLast(({ type }) => type === 'opened')?.subject ?? ''
  const rows = subjectRows(home).get(ref) ?? []
  assert.ok(rows.length >= 3 && sight(home, rows).length >= rows.length, 'the search finds what is there')
  return rows
}

async function end(upshift: Upshift): Promise<void> {
  upshift.child.kill('SIGTERM')
  assert.deepEqual(await upshift.ended, { code: 0, signal: null }, upshift.output())
}

async function assertSound(home: string): Promise<void> {
  const { code, out, err } = await command(home, ['audit', 'verify', '--json'])
  assert.equal(code, 0, `${out}${err}`)
  assert.deepEqual(JSON.parse(out).problems, [])
}

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { Collections } from '../../knowledge/collection/collections.ts'
import { systemClock } from '../../lib/clock.ts'
import { createLogs } from '../../observe/logs.ts'
import { gaugesOf } from '../gauges.ts'
import { type Serving, serve } from '../serve.ts'
import { recordChecks } from './record.ts'
import { collectionsCheck } from './routes.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-doctor-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** A home of its own that is open on its control socket, without any look around. */
function open(name: string): Promise<Serving> {
  const env = { UPSHIFT_HOME: join(root, name), UPSHIFT_DISCOVER: 'false' }
  const around = { flags: {}, env, cwd: root, homedir: root }
  return serve({ around, version: '0.0.0', logs: createLogs('silent'), on: 'control' })
}

const LOOKS = 10

const nothing = { unfinished: () => [] }

test('a sound record passes, and its newest checkpoint covers every entry', async () => {
  const { parts, config, stop } = await open('sound')
  try {
    let checks = await recordChecks(parts, config, nothing)
    // On a busy machine the follower's thread may take longer to come up than doctor waits for it.
    for (let look = 1; look < LOOKS && checks[2]?.state !== 'ok'; look++) {
      checks = await recordChecks(parts, config, nothing)
    }
    assert.deepEqual(
      checks.map(({ name, state }) => [name, state]),
      [
        ['disk', 'ok'],
        ['log', 'ok'],
        ['audit', 'ok'],
        ['vault', 'ok'],
      ],
    )
    assert.match(checks[2]?.detail ?? '', /covers 1 entries/)
    const { record, keys } = gaugesOf(parts, { state: { type: 'unread' } })
    assert.deepEqual(record(), { entries: 1, lagEntries: 0, following: true, checkpointSize: 1 })
    assert.deepEqual(keys(), [])
  } finally {
    await stop()
  }
})

test('a damaged log is told although a snapshot hides it from the start', async () => {
  const first = await open('flipped')
  const { log } = first.parts.paths
  await first.parts.record.log.sync()
  await first.parts.record.follower.ask('snapshot', null)
  await first.stop()
  const path = join(log, readdirSync(log)[0] ?? '')
  const text = readFileSync(path, 'latin1')
  writeFileSync(path, text.replace('"type":"', '"tyqe":"'), 'latin1')
  const { parts, config, stop } = await open('flipped')
  try {
    const check = (await recordChecks(parts, config, nothing)).find(({ name }) => name === 'log')
    assert.equal(check?.state, 'fail')
    assert.equal(check?.detail, `${path} is damaged at byte ${text.indexOf('\n') + 1}`)
    assert.match(check?.fix ?? '', /upshift audit verify/)
  } finally {
    await stop()
  }
})

test('a segment of the log that cannot be read is a finding, and the doctor goes on to the others', async () => {
  const { parts, config, stop } = await open('unreadable')
  try {
    // Where a file is meant, a folder: as root, no mode keeps anybody from reading.
    const path = join(parts.paths.log, '000000000000-20200101.log')
    mkdirSync(path)
    const checks = await recordChecks(parts, config, nothing)
    const check = checks.find(({ name }) => name === 'log')
    assert.equal(check?.state, 'fail')
    assert.ok(check?.detail.startsWith(`${path} cannot be read: `), check?.detail)
    assert.ok(checks.some(({ name }) => name === 'vault'))
  } finally {
    await stop()
  }
})

test('a damaged file of collections is told, a sound one too, and none is no news', async () => {
  const { parts, stop } = await open('shelved')
  const path = parts.paths.collections
  try {
    assert.deepEqual(await collectionsCheck(path), [])
    new Collections(path, systemClock).close()
    assert.deepEqual(await collectionsCheck(path), [
      { name: 'collections', state: 'ok', detail: `${path} is sound` },
    ])
    writeFileSync(path, 'garbage '.repeat(1_000))
    const [check] = await collectionsCheck(path)
    assert.equal(check?.state, 'fail')
    assert.match(check?.detail ?? '', /collections\.db is damaged or not a database/)
    assert.match(check?.fix ?? '', /knowledge add/)
  } finally {
    await stop()
  }
})

test('a file of collections that a newer version wrote is not told as damaged', async () => {
  const { parts, stop } = await open('newer')
  const path = parts.paths.collections
  try {
    new Collections(path, systemClock).close()
    const database = new DatabaseSync(path)
    database.exec("INSERT INTO store_migration VALUES ('collection', 900, 'x')")
    database.close()
    const [check] = await collectionsCheck(path)
    assert.equal(check?.state, 'warn')
    assert.match(check?.detail ?? '', /was written by a newer Upshift/)
    assert.doesNotMatch(`${check?.detail} ${check?.fix}`, /damaged|aside/)
  } finally {
    await stop()
  }
})

test('a master key that vanished under a running server is told while it can still be put back', async () => {
  const { parts, config, stop } = await open('keyless')
  try {
    rmSync(join(parts.paths.home, 'vault.key'))
    const vault = (await recordChecks(parts, config, nothing)).find(({ name }) => name === 'vault')
    assert.equal(vault?.state, 'fail')
    assert.match(vault?.fix ?? '', /vault\.key back from a backup/)
  } finally {
    await stop()
  }
})

test('a record that is not followed, and an erasure that could not be ended, are failures with a next step', async () => {
  const { parts, config, stop } = await open('failing')
  await stop()
  const why = 'the disk said no'
  const checks = await recordChecks(parts, config, { unfinished: () => [{ what: 'erasure', why }] })
  const audit = checks.find(({ name }) => name === 'audit')
  assert.equal(audit?.state, 'fail')
  assert.match(audit?.fix ?? '', /upshift audit verify/)
  const erasure = checks.find(({ name }) => name === 'erasure')
  assert.deepEqual([erasure?.state, erasure?.detail], ['fail', why])
  assert.ok(erasure?.fix)
})

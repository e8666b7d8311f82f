import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLogs } from '../../observe/logs.ts'
import { gaugesOf } from '../gauges.ts'
import { type Serving, serve } from '../serve.ts'
import { recordChecks } from './record.ts'

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

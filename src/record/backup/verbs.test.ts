import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { after, test } from 'node:test'
import { isRefusal, problemRow, UpshiftError } from '../../contract/problem.ts'
import { type Flags, type ServerReply, UsageError, type VerbContext } from '../../contract/verb.ts'
import type { BackupPorts } from './backup.ts'
import { backupRoutes } from './routes.ts'
import { verbs } from './verbs.ts'
import { WritingHome } from './writing-home.fixture.ts'

const root = mkdtempSync(join(tmpdir(), 'upshift-backup-verbs-'))
const writing = new WritingHome(mkdtempSync(join(root, 'home-')))
after(() => {
  writing.close()
  rmSync(root, { recursive: true, force: true })
})

/** The route behind the port that the verb uses: what http does, without a socket. */
async function call(ports: BackupPorts, path: string, body: unknown): Promise<ServerReply> {
  const route = backupRoutes(ports).find((one) => one.path === path)
  assert.ok(route?.body)
  const request = {
    params: {},
    query: {},
    body: route.body.parse(body),
    caller: null,
    signal: AbortSignal.timeout(9_000),
  }
  const answered = await route.handle(request)
  if (!isRefusal(answered)) {
    assert.ok(answered instanceof Readable)
    return { status: 200, headers: {}, body: answered }
  }
  const { code, message } = answered.problem
  const error = Buffer.from(JSON.stringify({ error: { code, message } }))
  return { status: problemRow(code).status, headers: {}, body: Readable.from([error]) }
}

async function run(name: string, args: readonly string[], flags: Flags = {}, ports = writing.ports) {
  const verb = verbs.find((one) => one.name === name)
  assert.ok(verb)
  const said = { out: '', err: '' }
  const into = (stream: 'out' | 'err'): Writable =>
    new Writable({
      write(bytes, _encoding, done) {
        said[stream] += String(bytes)
        done()
      },
    })
  const context: VerbContext = {
    args,
    flags,
    out: into('out'),
    err: into('err'),
    stdin: Readable.from([]),
    json: flags['json'] === true,
    colour: false,
    signal: AbortSignal.timeout(15_000),
    home: async () => join(root, 'configured'),
    server: async () => ({ running: true, call: (_method, path, body) => call(ports, path, body) }),
  }
  return { code: await verb.run(context), ...said }
}

test('a backup is made by one command and restored by another, to the configured home', async () => {
  const folder = join(root, 'copy')
  const made = await run('backup', [folder])
  assert.deepEqual([made.code, made.out], [0, `${folder}\n`])
  assert.match(made.err, /SHA-256 of the manifest: [0-9a-f]{64}/)
  assert.match(made.err, /holds the secret keys/)
  const restored = await run('restore', [folder])
  assert.deepEqual([restored.code, restored.out], [0, `${join(root, 'configured')}\n`])
  assert.match(restored.err, /the audit of its \d+ entries passed/)
  assert.match(restored.err, /repeat `upshift subject erase`/)
  const again = await run('restore', [folder], { force: true, json: true })
  assert.match(JSON.parse(again.out).replaced.movedTo, /configured\.before-/)
})

test('with --json both commands print one document, and --without-keys leaves the keys out', async () => {
  const folder = join(root, 'bare')
  const made = await run('backup', [folder], { json: true, 'without-keys': true })
  assert.equal(JSON.parse(made.out).type, 'done')
  assert.equal(existsSync(join(folder, 'vault.key')), false)
  const restored = await run('restore', [folder], { json: true, to: join(root, 'elsewhere') })
  assert.deepEqual(JSON.parse(restored.out).missingKeys, ['owner.key', 'audit.key', 'vault.key'])
})

test('a refusal and a failure end the command with the server’s words', async () => {
  await assert.rejects(run('backup', [join(writing.home, 'inside')]), /lies in the home itself/)
  const failing = { ...writing.ports, settle: () => Promise.reject(new Error('the disk went away')) }
  await assert.rejects(run('backup', [join(root, 'failed')], {}, failing), (error) => {
    assert.ok(error instanceof UpshiftError)
    return /broken off and removed: the disk went away/.test(error.message)
  })
  await assert.rejects(run('backup', []), UsageError)
  await assert.rejects(run('restore', []), UsageError)
})

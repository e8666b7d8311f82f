import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { writeTinyModel } from '../src/engine/llama/gguf.fixture.ts'
import { Hub } from '../src/engine/pull/hub.fixture.ts'
import { modelBytes, sha256Of } from '../src/engine/pull/puller.fixture.ts'
import { mountDisk, type SmallDisk } from './process/disk.ts'
import { startServer } from './process/server.ts'

/** Local models over the whole program: real commands, a real server of files, a real model. */

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const TOKEN = 'hf_planted0123456789abcdef'
const LIMIT = { timeout: 60_000 }
const bytes = modelBytes(3_000_000, 71)
let root: string
let hub: Hub
let places = 0

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'upshift-models-process-'))
  hub = await Hub.start()
  const linked = { sha256: sha256Of(bytes), revision: 'c'.repeat(40) }
  hub.files.set('/own/m/resolve/main/m.gguf', { bytes, linked })
  writeTinyModel(join(root, 'tiny.gguf'), { endBias: -8 })
  hub.files.set('/Qwen/Qwen3-4B-GGUF/resolve/main/Qwen3-4B-Q4_K_M.gguf', {
    bytes: readFileSync(join(root, 'tiny.gguf')),
  })
})
after(async () => {
  await hub[Symbol.asyncDispose]()
  rmSync(root, { recursive: true, force: true })
})

/** A machine of one user: a folder to stand in, a home, and commands in it. */
function place(more: Readonly<Record<string, string>> = {}) {
  places += 1
  const cwd = join(root, String(places))
  mkdirSync(cwd)
  const home = join(cwd, 'home')
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: cwd,
    UPSHIFT_HOME: home,
    HF_ENDPOINT: hub.origin,
    UPSHIFT_DISCOVER: 'false',
    ...more,
  }
  const start = (...words: readonly string[]) => {
    const child = spawn(process.execPath, [MAIN, ...words], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said.out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said.err += text
    })
    const ended = once(child, 'close').then(([code]) => ({ code, ...said }))
    return { child, said, ended }
  }
  return {
    cwd,
    home,
    models: join(home, 'models'),
    start,
    run: (...words: string[]) => start(...words).ended,
  }
}

test(
  'setup goes from nothing to a first answer, again without fetching, and the server starts without asking',
  LIMIT,
  async () => {
    const { run, models, cwd, home } = place()
    const refused = await run('setup')
    assert.equal(refused.code, 2)
    assert.match(refused.err, /nobody can be asked here: add --yes/)
    const asked = hub.seen.length
    const first = await run('setup', '--model', 'qwen3-4b', '--yes')
    assert.equal(first.code, 0, first.err)
    assert.match(first.out, /fast: Qwen3-4B-Q4_K_M answers(, .* tokens a second)?: ".+"/)
    assert.match(first.err, new RegExp(`contacting 127\\.0\\.0\\.1:${hub.port}`))
    assert.ok(hub.seen.length > asked)
    const written = readFileSync(join(cwd, '.config', 'upshift', 'upshift.yaml'), 'utf8')
    assert.match(written, /models:\n {2}tiers:\n {4}Qwen3-4B-Q4_K_M: fast\n/)
    assert.deepEqual(
      readdirSync(models).filter((name) => !name.startsWith('.')),
      ['Qwen3-4B-Q4_K_M.gguf', 'Qwen3-4B-Q4_K_M.json'],
    )
    const before = hub.seen.length
    const second = await run('setup', '--model', 'qwen3-4b')
    assert.match(second.out, /Nothing is to be fetched[\s\S]*has the tiers already/)
    const explained = await run('config', 'explain', 'models.tiers')
    assert.match(explained.out, /models\.tiers\.Qwen3-4B-Q4_K_M +"fast" +user /)
    await using server = await startServer({ home, env: { HF_ENDPOINT: hub.origin, HOME: cwd } })
    assert.ok(server.alive())
    assert.equal(hub.seen.length, before)
  },
)

test('a token goes to the hub, and into no output and no file', LIMIT, async () => {
  const { run, cwd, models } = place({ HF_TOKEN: TOKEN })
  const from = hub.seen.length
  const pulled = await run('pull', 'hf:own/m:m.gguf', '--json')
  assert.equal(pulled.code, 0, pulled.err)
  for (const { headers } of hub.seen.slice(from)) assert.equal(headers.authorization, `Bearer ${TOKEN}`)
  const failed = await run('pull', 'hf:own/none:none.gguf')
  assert.equal(failed.code, 1)
  for (const text of [pulled.out, pulled.err, failed.out, failed.err]) assert.ok(!text.includes(TOKEN))
  for (const name of readdirSync(models)) assert.ok(!readFileSync(join(models, name)).includes(TOKEN), name)
  assert.equal(JSON.parse(pulled.out).verified, `SHA-256 of 127.0.0.1:${hub.port} (X-Linked-Etag)`)
  const other = place({ HF_TOKEN_FILE: join(cwd, 'token') })
  writeFileSync(join(cwd, 'token'), `${TOKEN}\n`, { mode: 0o600 })
  await other.run('pull', 'hf:own/m:m.gguf')
  assert.equal(hub.seen.at(-1)?.headers.authorization, `Bearer ${TOKEN}`)
  const missing = await place({ HF_TOKEN_FILE: join(cwd, 'nothing') }).run(
    'pull',
    'hf:own/m:m.gguf',
    '--json',
  )
  assert.equal(missing.code, 1)
  assert.match(
    JSON.parse(missing.out).error.message,
    /takes a secret from the file .*nothing, which cannot be read/,
  )
})

test(
  'Ctrl-C ends a pull with 130 and leaves what has arrived; the next goes on; rm gives the room back',
  LIMIT,
  async () => {
    const { start, run, models } = place()
    hub.script.set('/own/m/resolve/main/m.gguf', [{ do: 'serve' }, { do: 'stall', after: 2_000_000 }])
    const { child, ended } = start('pull', 'hf:own/m:m.gguf')
    const part = join(models, 'm.gguf.part')
    while (!existsSync(part) || statSync(part).size < 1_500_000)
      await new Promise((resolve) => setTimeout(resolve, 10))
    child.kill('SIGINT')
    const interrupted = await ended
    assert.equal(interrupted.code, 130)
    assert.match(interrupted.err, /interrupted\./)
    assert.match((await run('models', 'list')).err, /m\.gguf is not whole: [12]\.\d+ MB of 3\.00 MB/)
    const from = hub.seen.length
    const pulled = await run('pull', 'hf:own/m:m.gguf')
    assert.equal(pulled.code, 0, pulled.err)
    assert.equal(pulled.out, `${join(models, 'm.gguf')}\n`)
    assert.ok(readFileSync(join(models, 'm.gguf')).equals(bytes))
    assert.match(hub.seen.slice(from).at(-1)?.headers.range ?? '', /^bytes=[12]\d{6}-$/)
    const removed = await run('models', 'rm', 'm', '--yes')
    assert.match(removed.out, new RegExp(`freed \\(${bytes.length} bytes\\)`))
  },
)

test(
  'a disk that is too small is told with the figures, one that becomes full keeps what fits',
  LIMIT,
  async (context) => {
    const folder = join(root, 'disk')
    mkdirSync(folder)
    using disk: SmallDisk | undefined = mountDisk(folder)
    if (disk === undefined) return context.diagnostic('this process may mount no disk')
    const { run } = place({ UPSHIFT_MODELS_DIR: join(folder, 'models') })
    const small = await run('pull', 'hf:own/m:m.gguf', '--json')
    assert.equal(small.code, 1)
    const { code, message } = JSON.parse(small.out).error
    assert.equal(code, 'disk_full')
    assert.match(message, /needs 3\.00 MB in .*268 MB stay free beside it; the disk has 3\d\.\d MB left/)
    // A server that does not say how long the file is: it is only known to be too long once the disk is full.
    disk.fill(join(folder, 'filler'), 2_000_000)
    hub.always.set('/own/m/resolve/main/m.gguf', { do: 'chunked' })
    hub.files.set('/own/m/resolve/main/m.gguf', { bytes })
    const full = await run('pull', 'hf:own/m:m.gguf', '--sha256', sha256Of(bytes))
    hub.always.delete('/own/m/resolve/main/m.gguf')
    assert.equal(full.code, 1)
    assert.match(full.err, /became full \(ENOSPC\).*goes on from what is here/)
    assert.deepEqual(
      readdirSync(join(folder, 'models')).filter((name) => name.endsWith('.gguf')),
      [],
    )
  },
)

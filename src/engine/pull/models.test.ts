import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { linkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../../contract/verb.ts'
import { portsOver, runVerb } from '../verbs.fixture.ts'
import { Hub } from './hub.fixture.ts'
import { modelBytes, Puller, refusedAs, sha256Of } from './puller.fixture.ts'

let hub: Hub
before(async () => {
  hub = await Hub.start()
})
after(() => hub[Symbol.asyncDispose]())
const bytes = modelBytes(100_000, 61)
/** Long enough that some of it has been written when the connection breaks. */
const long = modelBytes(2_000_000, 64)

/** A folder with one pulled model, `one`, and what a verb says in it. */
async function folderWithOne() {
  const puller = new Puller(hub.origin)
  hub.files.set('/own/r/resolve/main/one.gguf', {
    bytes,
    linked: { sha256: sha256Of(bytes), revision: 'b'.repeat(40) },
  })
  await puller.pull('hf:own/r:one.gguf')
  const run = (
    ...[name, command]: Parameters<typeof runVerb> extends [unknown, ...infer Rest] ? Rest : never
  ) => runVerb(portsOver(puller.settings), name, command)
  return { puller, run, [Symbol.dispose]: () => puller[Symbol.dispose]() }
}

test('pull prints the path, what the model is and with what it was compared; with --json one document', async () => {
  using puller = new Puller(hub.origin)
  hub.files.set('/p.gguf', { bytes })
  const ports = portsOver(puller.settings)
  const first = await runVerb(ports, 'pull', {
    args: [hub.url('/p.gguf').href],
    flags: { sha256: [sha256Of(bytes).toUpperCase()] },
  })
  assert.equal(first.code, 0)
  assert.equal(first.out, `${join(puller.folder, 'p.gguf')}\n`)
  assert.match(first.err, /contacting 127\.0\.0\.1:\d+\n/)
  assert.match(
    first.err,
    /p: llama, 25\.1k parameters, F32, 4096 tokens of context, no chat template; 101 kB, compared with the SHA-256 of --sha256\./,
  )
  const again = await runVerb(ports, 'pull', { args: [hub.url('/p.gguf').href] })
  assert.match(again.err, /here already, since 20.*Nothing was fetched/)
  const json = await runVerb(ports, 'pull', {
    args: [hub.url('/p.gguf').href],
    flags: { name: 'q' },
    json: true,
  })
  assert.equal(json.err, '')
  const document = JSON.parse(json.out)
  assert.deepEqual(
    [
      document.name,
      document.already,
      document.bytes,
      document.verified,
      document.hosts,
      document.facts.architecture,
    ],
    ['q', false, bytes.length, null, [`127.0.0.1:${hub.port}`], 'llama'],
  )
  await assert.rejects(
    runVerb(ports, 'pull', { args: ['x.gguf'], flags: { sha256: ['12'] } }),
    (error) => error instanceof UsageError && /64 hex digits/.test(error.message),
  )
  await assert.rejects(
    runVerb(ports, 'pull', {
      args: [hub.url('/p.gguf').href],
      flags: { sha256: [sha256Of(bytes), sha256Of(bytes)] },
    }),
    (error) => error instanceof UsageError && /once for each of the model's 1 files/.test(error.message),
  )
})

test('list shows models however they came, what is wrong with one, and downloads that broke off', async () => {
  using one = await folderWithOne()
  const { puller, run } = one
  writeFileSync(join(puller.folder, 'hand.gguf'), modelBytes(5_000, 62))
  writeFileSync(join(puller.folder, 'broken.gguf'), 'GGUF')
  hub.files.set('/off.gguf', { bytes: long })
  hub.script.set('/off.gguf', [{ do: 'serve' }, { do: 'cut', after: 1_500_000 }])
  puller.settings = { ...puller.settings, config: { ...puller.settings.config, tries: 1 } }
  await assert.rejects(puller.pull(hub.url('/off.gguf').href))
  const { out, err } = await run('models list')
  const lines = out.split('\n').map((line) => line.split(/ {2,}/))
  assert.deepEqual(lines[0], ['NAME', 'SIZE', 'QUANT', 'ARCH', 'PARAMS', 'CONTEXT', 'LICENCE', 'PULLED'])
  assert.deepEqual(lines[1], ['broken', '4 B', '?', '?', '?', '?', '?', 'put there by hand'])
  assert.deepEqual(lines[2], [
    'hand',
    '5.38 kB',
    'F32',
    'llama',
    '1.28k',
    '4096',
    'apache-2.0',
    'put there by hand',
  ])
  assert.deepEqual(lines[3]?.slice(0, 7), ['one', '101 kB', 'F32', 'llama', '25.1k', '4096', 'apache-2.0'])
  assert.match(err, /broken: .*shorter than any GGUF header/)
  assert.match(err, /off\.gguf is not whole: 1\.\d+ MB of 2\.00 MB\. Pull it again/)
  const document = JSON.parse((await run('models list', { json: true })).out)
  assert.deepEqual(
    document.models.map((model: { name: string }) => model.name),
    ['broken', 'hand', 'one'],
  )
  assert.equal(document.unfinished[0].of, long.length)
})

test('an empty folder, or none, is no error', async () => {
  using puller = new Puller(hub.origin)
  puller.settings = { ...puller.settings, folder: join(puller.folder, 'none') }
  const { code, out, err } = await runVerb(portsOver(puller.settings), 'models list')
  assert.deepEqual([code, out], [0, ''])
  assert.match(err, /There is no model in .*`upshift setup`/)
})

test('show tells where a model came from, its checksum and what its file says', async () => {
  using one = await folderWithOne()
  const { out } = await one.run('models show', { args: ['one.gguf'] })
  for (const pattern of [
    /^source +hf:own\/r@main:one\.gguf$/m,
    /^revision +b{40}$/m,
    /^verified +with the SHA-256 of 127\.0\.0\.1:\d+ \(X-Linked-Etag\)$/m,
    new RegExp(`^sha256 +${sha256Of(bytes)}  one\\.gguf$`, 'm'),
    /^licence +apache-2\.0$/m,
    /^context +4096 tokens$/m,
  ])
    assert.match(out, pattern)
  const document = JSON.parse((await one.run('models show', { args: ['one'], json: true })).out)
  assert.deepEqual([document.sha256, document.facts.architecture], [[sha256Of(bytes)], 'llama'])
  await assert.rejects(
    one.run('models show', { args: ['two'] }),
    refusedAs('not_found', /no model two.*models list/),
  )
  await assert.rejects(one.run('models show', { args: ['../etc'] }), UsageError)
})

test('a manifest that is damaged is told, and the model can be removed', async () => {
  using one = await folderWithOne()
  writeFileSync(join(one.puller.folder, 'one.json'), '{"format":"upshift-model 7"}')
  assert.match(
    (await one.run('models list')).err,
    /one: .*one\.json says where a model came from, and is damaged/,
  )
  await one.run('models rm', { args: ['one'], flags: { yes: true } })
  assert.deepEqual(one.puller.names(), [])
})

test('rm asks, takes --yes, says what it freed, and leaves other models alone', async () => {
  using one = await folderWithOne()
  const { puller, run } = one
  writeFileSync(join(puller.folder, 'one-more.gguf'), modelBytes(5_000, 63))
  await assert.rejects(
    run('models rm', { args: ['one'] }),
    (error) => error instanceof UsageError && /--yes/.test(error.message),
  )
  const no = await run('models rm', { args: ['one'], typed: 'n' })
  assert.equal(no.code, 1)
  assert.match(no.err, /Remove one \(101 kB\)\? \[y\/N\].*Nothing was removed/s)
  assert.deepEqual(puller.names(), ['one-more.gguf', 'one.gguf', 'one.json'])
  const yes = await run('models rm', { args: ['one'], typed: 'y' })
  assert.equal(yes.out, `101 kB freed (${bytes.length} bytes).\n`)
  assert.deepEqual(puller.names(), ['one-more.gguf'])
  await assert.rejects(
    run('models rm', { args: ['one'], flags: { yes: true } }),
    refusedAs('not_found', /no model one/),
  )
})

test('rm does not claim to free what another name keeps, or what a process still uses', async () => {
  using one = await folderWithOne()
  const { puller, run } = one
  linkSync(join(puller.folder, 'one.gguf'), join(puller.folder, 'kept'))
  const linked = JSON.parse((await run('models rm', { args: ['one'], flags: { yes: true }, json: true })).out)
  assert.deepEqual([linked.freedBytes, linked.linkedBytes], [0, bytes.length])
  await puller.pull('hf:own/r:one.gguf')
  if (process.platform !== 'linux') return
  const holds = `const file = require('node:fs').openSync(process.argv[1]); process.stdout.write('open'); setInterval(() => file, 1e6)`
  const child = spawn(process.execPath, ['--eval', holds, join(puller.folder, 'one.gguf')], { stdio: 'pipe' })
  await once(child.stdout, 'data')
  const { err } = await run('models rm', { args: ['one'], flags: { yes: true } })
  assert.match(err, new RegExp(`Process ${child.pid} has it loaded`))
  child.kill('SIGKILL')
  await once(child, 'exit')
})

test('rm removes what a broken download has left', async () => {
  using puller = new Puller(hub.origin, { tries: 1 })
  hub.files.set('/left.gguf', { bytes: long })
  hub.script.set('/left.gguf', [{ do: 'serve' }, { do: 'cut', after: 1_500_000 }])
  await assert.rejects(puller.pull(hub.url('/left.gguf').href))
  assert.deepEqual(puller.names(), ['left.gguf.part', 'left.gguf.part.json'])
  await runVerb(portsOver(puller.settings), 'models rm', { args: ['left'], flags: { yes: true } })
  assert.deepEqual(puller.names(), [])
})

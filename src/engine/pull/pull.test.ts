import assert from 'node:assert/strict'
import { linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { UsageError } from '../../contract/verb.ts'
import { Hub } from './hub.fixture.ts'
import { modelBytes, Puller, refusedAs, sha256Of } from './puller.fixture.ts'

let hub: Hub
before(async () => {
  hub = await Hub.start()
})
after(() => hub[Symbol.asyncDispose]())

const COMMIT = 'a'.repeat(40)
let models = 0

/** A model that only one test knows: its path on the hub and its bytes. */
function served(more: Partial<Parameters<Hub['files']['set']>[1]> = {}) {
  models += 1
  const bytes = modelBytes(200_000, models)
  const path = `/own/model-${models}/resolve/main/small-${models}.gguf`
  hub.files.set(path, { bytes, ...more })
  return { bytes, path, name: `small-${models}`, source: `hf:own/model-${models}:small-${models}.gguf` }
}

const linked = (bytes: Buffer) => ({
  linked: { sha256: sha256Of(bytes), revision: COMMIT, bytes: bytes.length },
})

test('a model of the hub is fetched, compared with the checksum that the hub states, and noted', async () => {
  using puller = new Puller(hub.origin)
  const { bytes, path, name, source } = served()
  hub.files.set(path, { bytes, ...linked(bytes) })
  const pulled = await puller.pull(source)
  assert.equal(pulled.already, false)
  assert.equal(pulled.path, join(puller.folder, `${name}.gguf`))
  assert.deepEqual(puller.names(), [`${name}.gguf`, `${name}.json`])
  assert.ok(puller.read(`${name}.gguf`).equals(bytes))
  const { manifest } = pulled
  assert.deepEqual(JSON.parse(puller.read(`${name}.json`).toString()), manifest)
  assert.equal(manifest.source, `hf:own/model-${models}@main:${name}.gguf`)
  assert.equal(manifest.revision, COMMIT)
  assert.equal(manifest.verified, `SHA-256 of 127.0.0.1:${hub.port} (X-Linked-Etag)`)
  assert.deepEqual(manifest.files, [{ name: `${name}.gguf`, bytes: bytes.length, sha256: sha256Of(bytes) }])
  assert.deepEqual(
    [manifest.facts.architecture, manifest.facts.contextTokens, manifest.facts.licence],
    ['llama', 4_096, 'apache-2.0'],
  )
  assert.deepEqual(puller.events[0], { type: 'contacting', host: `127.0.0.1:${hub.port}` })
})

test('what is here already is not asked for again', async () => {
  using puller = new Puller(hub.origin)
  const { path, source, bytes } = served()
  await puller.pull(source)
  const asked = hub.seen.length
  assert.equal((await puller.pull(source)).already, true)
  assert.equal((await puller.pull(source, { sha256: [sha256Of(bytes)] })).already, true)
  assert.equal(hub.seen.length, asked)
  await assert.rejects(
    puller.pull(source, { sha256: ['0'.repeat(64)] }),
    refusedAs('conflict', /with another SHA-256/),
  )
  await assert.rejects(
    puller.pull(hub.url(path).href),
    refusedAs('conflict', /here already, from another source: hf:own.*--name/),
  )
  assert.equal((await puller.pull(hub.url(path).href, { name: 'second' })).already, false)
})

test('a checksum on the command line decides, and is known to contradict the hub before a byte is fetched', async () => {
  using puller = new Puller(hub.origin)
  const { bytes, path, source, name } = served()
  const right = sha256Of(bytes)
  const wrong = '1'.repeat(64)
  await assert.rejects(
    puller.pull(source, { sha256: [wrong] }),
    refusedAs('upstream_garbled', new RegExp(`SHA-256 is ${right}, and --sha256 says ${wrong}`)),
  )
  assert.deepEqual(puller.names(), [])
  hub.files.set(path, { bytes, ...linked(bytes) })
  const fetched = hub.fetches(path).length
  await assert.rejects(puller.pull(source, { sha256: [wrong] }), refusedAs('conflict', /Nothing was fetched/))
  assert.equal(hub.fetches(path).length, fetched)
  const { manifest } = await puller.pull(source, { sha256: [right] })
  assert.equal(manifest.verified, 'SHA-256 of --sha256')
  assert.equal(manifest.name, name)
})

test('a file of checksums beside the model is used, in each of its usual forms', async () => {
  using puller = new Puller(hub.origin)
  for (const form of [
    'DIGEST',
    'DIGEST  NAME',
    'DIGEST *./NAME',
    'SHA256 (NAME) = DIGEST',
    'x\n#\nDIGEST  NAME\n',
  ]) {
    const { bytes, path, source, name } = served()
    const text = form.replace('DIGEST', sha256Of(bytes)).replace('NAME', `${name}.gguf`)
    hub.files.set(`${path}.sha256`, { bytes: Buffer.from(text) })
    const { manifest } = await puller.pull(source)
    assert.equal(manifest.verified, `SHA-256 of 127.0.0.1:${hub.port}${path}.sha256`, form)
  }
})

test('a wrong file of checksums refuses the model, and one of another kind is said to hold none', async () => {
  using puller = new Puller(hub.origin)
  const wrong = served()
  hub.files.set(`${wrong.path}.sha256`, { bytes: Buffer.from('2'.repeat(64)) })
  await assert.rejects(puller.pull(wrong.source), refusedAs('upstream_garbled', /\.sha256 says 2222/))
  assert.deepEqual(puller.names(), [])
  for (const text of ['<html>404</html>', `${'3'.repeat(64)}  another.gguf\n`, 'x'.repeat(100_000)]) {
    const { path, source, name } = served()
    hub.files.set(`${path}.sha256`, { bytes: Buffer.from(text) })
    const { manifest } = await puller.pull(source)
    assert.equal(manifest.verified, null)
    const notes = puller.events.filter(
      (event) => event.type === 'unverified' && event.file === `${name}.gguf`,
    )
    assert.equal(notes.length, 1)
    assert.ok(puller.events.some((event) => event.type === 'note' && /holds no checksum/.test(event.text)))
  }
})

test('all parts of a model in parts are fetched, whichever of them is named', async () => {
  using puller = new Puller(hub.origin)
  const parts = [1, 2, 3].map((number) => modelBytes(50_000, 100 + number, [number, 3]))
  const nameOf = (number: number): string => `big-0000${number}-of-00003.gguf`
  for (const [index, bytes] of parts.entries())
    hub.files.set(`/own/big/resolve/v1/Q4/${nameOf(index + 1)}`, { bytes, ...linked(bytes) })
  const { manifest, path } = await puller.pull(`hf:own/big@v1:Q4/${nameOf(2)}`)
  assert.equal(path, join(puller.folder, nameOf(1)))
  assert.deepEqual(puller.names(), [nameOf(1), nameOf(2), nameOf(3), 'big.json'])
  for (const [index, bytes] of parts.entries()) assert.ok(puller.read(nameOf(index + 1)).equals(bytes))
  assert.equal(manifest.name, 'big')
  assert.equal(manifest.facts.parameters, 3 * 50_176 * 0.25)
  assert.equal(
    manifest.facts.fileBytes,
    parts.reduce((sum, one) => sum + one.length, 0),
  )
  assert.equal((await puller.pull(`hf:own/big@v1:Q4/${nameOf(2)}`)).already, true)
})

test('a part that is missing, or of another model, leaves none of the others', async () => {
  using puller = new Puller(hub.origin)
  const one = modelBytes(50_000, 201, [1, 2])
  hub.files.set('/own/odd/resolve/main/odd-00001-of-00002.gguf', { bytes: one })
  await assert.rejects(puller.pull('hf:own/odd:odd-00001-of-00002.gguf'), refusedAs('not_found', /404/))
  assert.deepEqual(puller.names(), [])
  hub.files.set('/own/odd/resolve/main/odd-00002-of-00002.gguf', { bytes: modelBytes(50_000, 202, [3, 3]) })
  await assert.rejects(
    puller.pull('hf:own/odd:odd-00001-of-00002.gguf'),
    refusedAs('invalid_request', /is part 3 of 3, and should be part 2 of 2.*has been removed/),
  )
  assert.deepEqual(puller.names(), [])
})

test('what is no model is refused at its first bytes, and what is cut off at its last', async () => {
  using puller = new Puller(hub.origin)
  const { path, source, bytes } = served()
  hub.files.set(path, { bytes: Buffer.from(`<!doctype html>${'x'.repeat(1e6)}`) })
  await assert.rejects(puller.pull(source), refusedAs('upstream_rejected', /no GGUF file/))
  assert.deepEqual(puller.names(), [])
  hub.files.set(path, { bytes: bytes.subarray(0, -1) })
  await assert.rejects(puller.pull(source), refusedAs('invalid_request', /cut off.*has been removed/))
  assert.deepEqual(puller.names(), [])
  hub.files.set(path, { bytes: Buffer.alloc(0) })
  await assert.rejects(puller.pull(source), refusedAs('upstream_rejected', /empty/))
})

test('a model that is too long, or that the disk has no room for, is refused with the figures before it is fetched', async () => {
  const { path, source, bytes } = served()
  using small = new Puller(hub.origin, { maxBytes: bytes.length - 1 })
  await assert.rejects(
    small.pull(source),
    refusedAs('body_too_large', new RegExp(`${bytes.length} bytes, and ${bytes.length - 1} are allowed`)),
  )
  using puller = new Puller(hub.origin, { maxBytes: 1e15 })
  hub.always.set(path, { do: 'status', status: 200, headers: { 'content-length': '900000000000000' } })
  await assert.rejects(
    puller.pull(source),
    refusedAs('disk_full', /needs 900 TB in .*the disk has .* left.*Nothing was fetched/),
  )
  hub.always.delete(path)
  assert.equal(hub.fetches(path).length, 0)
  assert.deepEqual([...small.names(), ...puller.names()], [])
})

test('without a length and without a checksum nothing is fetched; with a checksum it is', async () => {
  using puller = new Puller(hub.origin)
  const { path, source, bytes, name } = served()
  for (const behaviour of ['chunked', 'until-close'] as const) {
    hub.always.set(path, { do: behaviour })
    await assert.rejects(
      puller.pull(source, { name: behaviour }),
      refusedAs('upstream_rejected', /how long.*--sha256/),
    )
    await puller.pull(source, { name: behaviour, sha256: [sha256Of(bytes)] })
    assert.ok(puller.read(`${behaviour}.gguf`).equals(bytes), name)
  }
  hub.always.delete(path)
})

test('two pulls of the same model at once: one fetches, the other is told so', async () => {
  using puller = new Puller(hub.origin, { stallMs: 250 })
  const { path, source, bytes, name } = served()
  hub.script.set(path, [{ do: 'serve' }, { do: 'stall', after: 1_000 }])
  const ends = await Promise.allSettled([puller.pull(source), puller.pull(source)])
  const refused = ends.filter((end) => end.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.ok(refusedAs('conflict', /pulling or removing .* right now/)(refused[0]?.reason))
  assert.ok(puller.read(`${name}.gguf`).equals(bytes))
})

test('a model on this machine is linked, not copied, and one in the folder is taken note of', async () => {
  using puller = new Puller(hub.origin)
  using elsewhere = new Puller(hub.origin)
  const bytes = modelBytes(10_000, 301)
  const path = join(elsewhere.folder, 'mine.Q4.gguf')
  writeFileSync(path, bytes)
  writeFileSync(`${path}.sha256`, `${sha256Of(bytes)}  mine.Q4.gguf\n`)
  const pulled = await puller.pull(path)
  assert.equal(pulled.manifest.verified, `SHA-256 of ${path}.sha256`)
  assert.equal(pulled.manifest.source, path)
  assert.equal(statSync(pulled.path).ino, statSync(path).ino)
  assert.equal((await puller.pull(path)).already, true)
  symlinkSync(path, join(elsewhere.folder, 'link'))
  const second = await puller.pull(join(elsewhere.folder, 'link'), { name: 'by-link' })
  assert.equal(statSync(second.path).ino, statSync(path).ino)
  const own = join(puller.folder, 'by-hand.gguf')
  writeFileSync(own, bytes)
  await assert.rejects(
    puller.pull(path, { name: 'by-hand' }),
    refusedAs('conflict', /put there by hand; `upshift pull .*by-hand\.gguf`/),
  )
  const noted = await puller.pull(own)
  assert.deepEqual([noted.already, noted.manifest.verified], [false, null])
  assert.equal((await puller.pull(own)).already, true)
  assert.deepEqual(
    puller.names().filter((name) => name.endsWith('.json')),
    ['by-hand.json', 'by-link.json', 'mine.Q4.json'],
  )
})

test('a file of this machine that is damaged, no model or not there is refused, and nothing of it stays', async () => {
  using puller = new Puller(hub.origin)
  using elsewhere = new Puller(hub.origin)
  const path = join(elsewhere.folder, 'bad.gguf')
  writeFileSync(path, modelBytes(10_000, 302))
  writeFileSync(`${path}.sha256`, '4'.repeat(64))
  await assert.rejects(puller.pull(path), refusedAs('upstream_garbled', /says 4444/))
  const text = join(elsewhere.folder, 'text.gguf')
  writeFileSync(text, 'this is no model, but a text')
  await assert.rejects(puller.pull(text), refusedAs('invalid_request', /no GGUF file/))
  await assert.rejects(puller.pull(join(elsewhere.folder, 'none.gguf')), refusedAs('not_found', /ENOENT/))
  mkdirSync(join(elsewhere.folder, 'folder.gguf'))
  await assert.rejects(
    puller.pull(join(elsewhere.folder, 'folder.gguf')),
    refusedAs('not_found', /not a file/),
  )
  assert.deepEqual(puller.names(), [])
  assert.equal(statSync(path).nlink, 1)
  linkSync(path, join(elsewhere.folder, 'still-there.gguf'))
})

test('sources that name no model are wrong usage, told in words', async () => {
  using puller = new Puller(hub.origin)
  for (const [source, pattern] of [
    ['hf:own/model', /hf:OWNER\/REPO:FILE/],
    ['hf:own:file.gguf', /hf:OWNER\/REPO:FILE/],
    ['hf:own/model:../../etc/passwd', /no path in a repository/],
    ['hf:own/model@../x:file.gguf', /hf:OWNER\/REPO:FILE|no path/],
    ['ftp://example.com/a.gguf', /comes from hf:/],
    ['https://user:pass@example.com/a.gguf', /password does not belong/],
    ['https://example.com/', /choose one with --name/],
    ['https://example.com/x-00001-of-00900.gguf', /part 1 of 900/],
    ['', /SOURCE is empty/],
  ] as const) {
    await assert.rejects(
      async () => puller.pull(source),
      (error) => error instanceof UsageError && pattern.test(error.message),
      source,
    )
  }
})

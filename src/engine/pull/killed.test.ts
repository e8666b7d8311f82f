import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, linkSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Hub } from './hub.fixture.ts'
import { modelBytes, Puller, refusedAs, sha256Of } from './puller.fixture.ts'

let hub: Hub
before(async () => {
  hub = await Hub.start()
})
after(() => hub[Symbol.asyncDispose]())

const KILLED = fileURLToPath(new URL('./pull-killed.fixture.ts', import.meta.url))

test('a process that is killed while it pulls leaves no model, and the next one goes on from what it had', async () => {
  using puller = new Puller(hub.origin)
  const bytes = modelBytes(4_000_000, 41)
  hub.files.set('/k.gguf', { bytes })
  const noted = (): number => {
    const note = join(puller.folder, 'k.gguf.part.json')
    return existsSync(note) ? JSON.parse(readFileSync(note, 'utf8')).syncedBytes : 0
  }
  let before = 0
  for (const stop of [700_000, 1_300_000, 1_500_000]) {
    hub.script.set('/k.gguf', [{ do: 'serve' }, { do: 'stall', after: stop }])
    const child = spawn(process.execPath, [KILLED, puller.folder, hub.url('/k.gguf').href], {
      stdio: 'inherit',
    })
    const ended = once(child, 'exit')
    while (noted() <= before) await new Promise((resolve) => setTimeout(resolve, 5))
    await assert.rejects(puller.pull(hub.url('/k.gguf').href), refusedAs('conflict', /right now/))
    child.kill('SIGKILL')
    assert.deepEqual(await ended, [null, 'SIGKILL'])
    assert.equal(existsSync(join(puller.folder, 'k.gguf')), false)
    assert.equal(existsSync(join(puller.folder, 'k.json')), false)
    before = noted()
  }
  await puller.pull(hub.url('/k.gguf').href)
  assert.ok(puller.read('k.gguf').equals(bytes))
  assert.deepEqual(puller.names(), ['k.gguf', 'k.json'])
  const starts = hub.fetches('/k.gguf').map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]))
  assert.equal(starts.length, 4)
  assert.ok(
    starts.slice(1).every((start, index) => start > (starts[index] ?? 0)),
    String(starts),
  )
})

test('a part that is a link to somebody’s own file is replaced, and that file is never written to', async () => {
  using puller = new Puller(hub.origin)
  const bytes = modelBytes(100_000, 61)
  const mine = modelBytes(50_000, 62)
  hub.files.set('/l.gguf', { bytes })
  for (const [name, link] of [
    ['hard', linkSync],
    ['soft', symlinkSync],
  ] as const) {
    const own = join(puller.folder, `own-${name}`)
    writeFileSync(own, mine)
    link(own, join(puller.folder, `${name}.gguf.part`))
    await puller.pull(hub.url('/l.gguf').href, { name })
    assert.ok(readFileSync(own).equals(mine), name)
    assert.ok(puller.read(`${name}.gguf`).equals(bytes), name)
  }
})

test('a kill between the manifest and the renames, or between two renames, is made good without fetching', async () => {
  using puller = new Puller(hub.origin)
  const files = ['p-00001-of-00002.gguf', 'p-00002-of-00002.gguf'].map((name, index) => {
    const bytes = modelBytes(30_000, 51 + index, [index + 1, 2])
    hub.files.set(`/${name}`, { bytes })
    return { name, bytes, place: join(puller.folder, name), url: hub.url(`/${name}`) }
  })
  const source = files[0]?.url.href ?? ''
  await puller.pull(source)
  const fetched = (): number => files.reduce((sum, { name }) => sum + hub.fetches(`/${name}`).length, 0)
  assert.equal(fetched(), 2)
  for (const undone of [files.slice(0, 1), files]) {
    for (const { place, url, bytes } of undone) {
      renameSync(place, `${place}.part`)
      const etag = `"${sha256Of(bytes).slice(0, 20)}"`
      const note = { format: 'upshift-part 1', address: hash('sha256', url.href), etag, sha256: null }
      const lengths = { bytes: bytes.length, syncedBytes: bytes.length }
      writeFileSync(`${place}.part.json`, JSON.stringify({ ...note, ...lengths }))
    }
    assert.equal((await puller.pull(source)).already, false)
    for (const { name, bytes } of files) assert.ok(puller.read(name).equals(bytes))
    assert.deepEqual(puller.names(), ['p-00001-of-00002.gguf', 'p-00002-of-00002.gguf', 'p.json'])
  }
  assert.equal(fetched(), 2)
})

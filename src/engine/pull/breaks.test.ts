import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Behaviour, Hub, type HubFile } from './hub.fixture.ts'
import { modelBytes, Puller, refusedAs, sha256Of } from './puller.fixture.ts'

let hub: Hub
before(async () => {
  hub = await Hub.start()
})
after(() => hub[Symbol.asyncDispose]())

const bytes = modelBytes(3_000_000, 7)
const other = modelBytes(3_000_000, 8)
let models = 0

interface Scene extends Disposable {
  readonly puller: Puller
  readonly path: string
  readonly name: string
  pull(): Promise<unknown>
  ranges(): (string | undefined)[]
}

/** A model, what happens at its survey and the requests after it, and a folder. */
function scene(script: readonly Behaviour[], file: Partial<HubFile> = {}, config = {}): Scene {
  models += 1
  const name = `m${models}`
  const path = `/${name}.gguf`
  hub.files.set(path, { bytes, ...file })
  hub.script.set(path, [{ do: 'serve' }, ...script])
  const puller = new Puller(hub.origin, config)
  return {
    puller,
    path,
    name,
    pull: () => puller.pull(hub.url(path).href),
    ranges: () => hub.fetches(path).map(({ headers }) => headers.range),
    [Symbol.dispose]: () => puller[Symbol.dispose](),
  }
}

const whole = ({ puller, name }: Scene): boolean => puller.read(`${name}.gguf`).equals(bytes)

test('what breaks off is gone on from where it broke off, on condition that the file is the same', async () => {
  using one = scene([
    { do: 'cut', after: 1_500_000 },
    { do: 'cut', after: 500_000 },
  ])
  await one.pull()
  assert.ok(whole(one))
  const [first, second, third] = hub.fetches(one.path)
  assert.equal(first?.headers.range, undefined)
  assert.match(second?.headers.range ?? '', /^bytes=[1-9]\d{5,6}-$/)
  assert.match(String(second?.headers['if-range']), /^"[0-9a-f]{20}"$/)
  const at = (range: string | undefined): number => Number(/\d+/.exec(range ?? '')?.[0])
  assert.ok(at(third?.headers.range) > at(second?.headers.range) && at(second?.headers.range) <= 1_500_000)
  assert.equal(one.puller.events.filter(({ type }) => type === 'waiting').length, 2)
})

test('what one command has fetched, the next goes on from; a note that is damaged begins anew', async () => {
  using one = scene([], {}, { tries: 1 })
  hub.script.set(one.path, [{ do: 'serve' }, { do: 'cut', after: 2_000_000 }])
  await assert.rejects(
    one.pull(),
    refusedAs('upstream_unreachable', /MB of 3.00 MB are here and stay: the same command/),
  )
  assert.deepEqual(one.puller.names(), [`${one.name}.gguf.part`, `${one.name}.gguf.part.json`])
  hub.script.set(one.path, [{ do: 'serve' }, { do: 'cut', after: 500_000 }])
  await assert.rejects(one.pull(), refusedAs('upstream_unreachable', /stay/))
  writeFileSync(join(one.puller.folder, `${one.name}.gguf.part.json`), '{"format":"upshift-part 9"')
  await one.pull()
  assert.ok(whole(one))
  const [first, second, third] = one.ranges()
  assert.deepEqual([first, third], [undefined, undefined])
  assert.match(second ?? '', /^bytes=\d+-$/)
})

test('bytes that were never synced are not built on', async () => {
  using one = scene([{ do: 'cut', after: 2_000_000 }], {}, { tries: 1 })
  await assert.rejects(one.pull())
  const part = join(one.puller.folder, `${one.name}.gguf.part`)
  const synced = JSON.parse(one.puller.read(`${one.name}.gguf.part.json`).toString()).syncedBytes
  assert.ok(synced > 0)
  // As after a loss of power: the file is longer than what is known to be on the disk.
  truncateSync(part, synced + 100_000)
  await one.pull()
  assert.ok(whole(one))
  assert.equal(one.ranges()[1], `bytes=${synced}-`)
})

test('a server that knows no ranges sends it whole again, and is given up after a few times', async () => {
  using one = scene([{ do: 'cut', after: 2_000_000 }, { do: 'ignore-range' }])
  await one.pull()
  assert.ok(whole(one))
  const restarted = one.puller.events.filter((event) => event.type === 'restarted')
  assert.deepEqual(restarted, [{ type: 'restarted', why: 'the server cannot resume' }])
  using two = scene([])
  const cut: Behaviour[] = Array.from({ length: 40 }, (_, turn) =>
    turn % 2 === 0 ? { do: 'cut', after: 2_000_000 } : { do: 'ignore-range' },
  )
  hub.script.set(two.path, [{ do: 'serve' }, ...cut])
  await assert.rejects(two.pull(), refusedAs('upstream_failed', /begun anew 5 times.*cannot resume/))
})

test('a file that changes on its server meanwhile is fetched anew, and is never a mixture', async () => {
  for (const [behaviour, why] of [
    ['serve', 'the file has changed on the server'],
    ['ignore-condition', 'the file has changed on the server'],
  ] as const) {
    using one = scene([{ do: 'cut', after: 2_000_000 }, { do: behaviour }])
    const pulling = one.pull()
    while (hub.fetches(one.path).length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    hub.files.set(one.path, { bytes: other })
    await pulling
    assert.ok(one.puller.read(`${one.name}.gguf`).equals(other), behaviour)
    assert.ok(one.puller.events.some((event) => event.type === 'restarted' && event.why === why))
  }
})

test('a file without a tag and without a checksum is never gone on with: nobody could tell whether it changed', async () => {
  using one = scene([{ do: 'cut', after: 2_000_000 }], { etag: null }, { tries: 1 })
  await assert.rejects(one.pull())
  await one.pull()
  assert.ok(whole(one))
  assert.deepEqual(one.ranges(), [undefined, undefined])
  using weak = scene([{ do: 'cut', after: 2_000_000 }], { etag: 'W/"weak"' }, { tries: 1 })
  await assert.rejects(weak.pull())
  await weak.pull()
  assert.deepEqual(weak.ranges(), [undefined, undefined])
})

test('with a checksum a file without a tag is gone on with', async () => {
  using one = scene(
    [{ do: 'cut', after: 2_000_000 }],
    { etag: null, linked: { sha256: sha256Of(bytes) } },
    { tries: 1 },
  )
  await assert.rejects(one.pull())
  await one.pull()
  assert.ok(whole(one))
  assert.match(one.ranges()[1] ?? '', /^bytes=\d+-$/)
})

test('a server that falls silent, or drips, is left and asked again', async () => {
  using one = scene([{ do: 'stall', after: 1_000_000 }, { do: 'drip' }], {}, { stallMs: 250 })
  await one.pull()
  assert.ok(whole(one))
  const waits = one.puller.events.filter((event) => event.type === 'waiting').map(({ why }) => why)
  assert.equal(waits.length, 2)
  for (const why of waits) assert.match(why, /brought \d+ B in 0 s, and was given up\./)
  using two = scene([], {}, { stallMs: 250 })
  hub.always.set(two.path, { do: 'stall', after: 10 })
  hub.script.set(two.path, [{ do: 'serve' }])
  await assert.rejects(two.pull(), refusedAs('upstream_timeout', /given up/))
})

test('a length that is not that of the file is found out', async () => {
  using longer = scene([{ do: 'announce', more: 500 }, { do: 'serve' }])
  await longer.pull()
  assert.ok(whole(longer))
  using shorter = scene([{ do: 'announce', more: -500 }, { do: 'serve' }])
  await shorter.pull()
  assert.ok(whole(shorter))
})

test('bytes that were changed on the way are refused where a checksum is known, and nothing of them stays', async () => {
  using one = scene([{ do: 'corrupt', at: 2_999_999 }], { linked: { sha256: sha256Of(bytes) } })
  await assert.rejects(
    one.pull(),
    refusedAs('upstream_garbled', /is damaged or another file.*has been removed/),
  )
  assert.deepEqual(one.puller.names(), [])
  await one.pull()
  assert.ok(whole(one))
})

test('a part that the server does not have, or another than asked for, makes it begin anew', async () => {
  for (const odd of [
    { do: 'status', status: 416 },
    { do: 'shift-range', by: 10 },
  ] as const) {
    using one = scene([{ do: 'cut', after: 2_000_000 }, odd])
    await one.pull()
    assert.ok(whole(one))
    assert.equal(one.ranges()[2], undefined)
  }
})

test('a server that is busy is asked again when it says, and left alone where it wants that for long', async () => {
  using one = scene([
    { do: 'status', status: 429, headers: { 'retry-after-ms': '40' } },
    { do: 'status', status: 503 },
  ])
  await one.pull()
  assert.ok(whole(one))
  assert.deepEqual(
    one.puller.events.flatMap((event) => (event.type === 'waiting' ? [event.ms] : [])),
    [40, 1],
  )
  using two = scene([{ do: 'status', status: 429, headers: { 'retry-after': '3000' } }])
  await assert.rejects(two.pull(), refusedAs('upstream_rate_limited', /left alone for 50 minutes/))
  using three = scene([])
  hub.always.set(three.path, { do: 'status', status: 500 })
  await assert.rejects(three.pull(), refusedAs('upstream_failed', /answers with status 500/))
})

test('the survey is tried again as well, and what is no HTTP is told apart', async () => {
  using one = scene([])
  hub.script.set(one.path, [{ do: 'status', status: 502 }, { do: 'gibberish' }, { do: 'serve' }])
  await one.pull()
  assert.ok(whole(one))
  using two = scene([])
  hub.always.set(two.path, { do: 'gibberish' })
  hub.script.set(two.path, [])
  await assert.rejects(two.pull(), refusedAs('upstream_garbled', /is not HTTP/))
})

test('a compressed reply is refused: its bytes are not the file’s', async () => {
  using one = scene([{ do: 'encode' }])
  await assert.rejects(one.pull(), refusedAs('upstream_garbled', /compressed/))
})

test('an interruption leaves what has arrived, and the next pull goes on', async () => {
  using one = scene([{ do: 'stall', after: 2_000_000 }])
  const controller = new AbortController()
  const pulling = one.puller.pull(hub.url(one.path).href, { signal: controller.signal })
  while (!one.puller.events.some((event) => event.type === 'bytes' && event.done >= 1_900_000))
    await new Promise((resolve) => setTimeout(resolve, 5))
  controller.abort()
  await assert.rejects(pulling, { name: 'AbortError' })
  await one.pull()
  assert.ok(whole(one))
  assert.match(one.ranges()[1] ?? '', /^bytes=(19|20)\d{5}-$/)
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { UpshiftError } from '../../contract/problem.ts'
import { type Behaviour, Hub } from './hub.fixture.ts'
import { modelBytes, Puller, sha256Of } from './puller.fixture.ts'

let hub: Hub
before(async () => {
  hub = await Hub.start()
})
after(() => hub[Symbol.asyncDispose]())

const SIZE = 60_000
const versions = [modelBytes(SIZE, 31), modelBytes(SIZE, 32)] as const
const LENGTH = versions[0].length

/** Nothing here is damage that only a checksum could find out. */
const mishap = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Behaviour>({ do: 'serve' }) },
  { weight: 6, arbitrary: fc.nat(LENGTH).map((after): Behaviour => ({ do: 'cut', after })) },
  fc.nat(LENGTH).map((after): Behaviour => ({ do: 'stall', after })),
  fc.constant<Behaviour>({ do: 'drip' }),
  fc.integer({ min: -500, max: 500 }).map((more): Behaviour => ({ do: 'announce', more })),
  fc.constantFrom<Behaviour>(
    { do: 'ignore-range' },
    { do: 'ignore-condition' },
    { do: 'chunked' },
    { do: 'until-close' },
  ),
  fc.nat(LENGTH).map((cutAfter): Behaviour => ({ do: 'chunked', cutAfter })),
  fc.integer({ min: -900, max: 900 }).map((by): Behaviour => ({ do: 'shift-range', by })),
  fc.constantFrom(416, 429, 500, 503, 404, 403, 204).map((status): Behaviour => ({ do: 'status', status })),
  fc.constantFrom<Behaviour>(
    { do: 'gibberish' },
    { do: 'encode' },
    { do: 'redirect', to: '/elsewhere.gguf' },
  ),
)
const damage = fc.nat(LENGTH - 1).map((at): Behaviour => ({ do: 'corrupt', at }))
/** Both tries begin with other bytes than a model's. */
const NO_GGUF: readonly Behaviour[] = [
  { do: 'corrupt', at: 0 },
  { do: 'corrupt', at: 0 },
]

let runs = 0
const RUNS = 25

/** What one command finds: its mishaps, and whether the file on the server is another one by then. */
interface Command {
  readonly mishaps: readonly Behaviour[]
  readonly version: 0 | 1
}

const commands = (one: fc.Arbitrary<Behaviour>): fc.Arbitrary<readonly Command[]> =>
  fc.array(
    fc.record({ mishaps: fc.array(one, { maxLength: 5 }), version: fc.constantFrom(0 as const, 1 as const) }),
    {
      minLength: 1,
      maxLength: 3,
    },
  )

async function holds(
  plan: readonly Command[],
  file: { readonly etag?: null; readonly linked: boolean },
): Promise<void> {
  runs += 1
  const path = `/w${runs}.gguf`
  using puller = new Puller(hub.origin, { tries: 2 })
  const place = join(puller.folder, `w${runs}.gguf`)
  for (const { mishaps, version } of [...plan, ...LAST]) {
    const bytes = versions[version]
    hub.files.set(path, {
      bytes,
      ...(file.etag === null && { etag: null }),
      ...(file.linked && { linked: { sha256: sha256Of(bytes) } }),
    })
    hub.script.set(path, [...mishaps])
    // A server that does as it should has all the time that a busy machine may take.
    const stallMs = mishaps.length === 0 ? 30_000 : 40
    puller.settings = { ...puller.settings, config: { ...puller.settings.config, stallMs } }
    let failed: unknown
    try {
      await puller.pull(hub.url(path).href)
    } catch (error) {
      failed = error
    }
    if (failed === undefined) {
      const got = puller.read(`w${runs}.gguf`)
      assert.ok(
        versions.some((known) => known.equals(got)),
        'the file is neither version',
      )
      return
    }
    assert.ok(failed instanceof UpshiftError, String(failed instanceof Error ? failed.stack : failed))
    assert.ok(failed.message.length > 20 && /[.]$/.test(failed.message), failed.message)
    assert.equal(existsSync(place), false, 'a file without success')
  }
  assert.fail('a server that does as it should does not lead to the file')
}

/** After all mishaps: a good server, twice, since what was damaged before is found out and removed first. */
const LAST: readonly Command[] = [
  { mishaps: [], version: 1 },
  { mishaps: [], version: 1 },
]

test('whatever a server does, the model is byte for byte one of its files, or there is none and the words for it', async () => {
  await fc.assert(
    fc.asyncProperty(commands(mishap), fc.boolean(), (plan, tagged) =>
      holds(plan, { linked: false, ...(tagged ? {} : { etag: null }) }),
    ),
    { numRuns: RUNS },
  )
})

test('with a checksum this holds for bytes that are changed on the way too', async () => {
  await fc.assert(
    fc.asyncProperty(
      commands(fc.oneof({ weight: 3, arbitrary: mishap }, { weight: 1, arbitrary: damage })),
      fc.boolean(),
      (plan, tagged) => holds(plan, { linked: true, ...(tagged ? {} : { etag: null }) }),
    ),
    { numRuns: RUNS, examples: [[[{ mishaps: [...NO_GGUF], version: 0 }], false]] },
  )
})

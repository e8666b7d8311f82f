import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { UpshiftError } from '../../contract/problem.ts'
import { UsageError } from '../../contract/verb.ts'
import { systemClock } from '../../lib/clock.ts'
import { section } from '../llama/config.ts'
import { writeTinyModel } from '../llama/gguf.fixture.ts'
import type { ModelPorts } from '../ports.ts'
import { Hub } from '../pull/hub.fixture.ts'
import { Puller, refusedAs, sha256Of } from '../pull/puller.fixture.ts'
import { portsOver, runVerb } from '../verbs.fixture.ts'
import { CURATED } from './curated.ts'
import { firstAnswerBy } from './first-answer.ts'

/** By the engine itself, with one thread. */
const firstAnswer = firstAnswerBy({
  config: section.schema.parse({ threads: 1 }),
  clock: systemClock,
  random: Math.random,
})

const PATH = '/Qwen/Qwen3-4B-GGUF/resolve/main/Qwen3-4B-Q4_K_M.gguf'
const NAME = 'Qwen3-4B-Q4_K_M'
const folder = mkdtempSync(join(tmpdir(), 'upshift-setup-'))
let hub: Hub
before(async () => {
  hub = await Hub.start()
  writeTinyModel(join(folder, 'tiny.gguf'), { endBias: -8, padding: 4_000 })
  const bytes = readFileSync(join(folder, 'tiny.gguf'))
  // A mirror on which each model of the list is a tiny one.
  for (const { source } of CURATED) {
    const [, repo, file] = source.split(':')
    hub.files.set(`/${repo}/resolve/main/${file}`, { bytes, linked: { sha256: sha256Of(bytes) } })
  }
})
after(async () => {
  await hub[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** A machine's ports over a folder; what was configured is noted. */
function ports(puller: Puller, more: Partial<ModelPorts> = {}) {
  const configured: unknown[] = []
  const configure: ModelPorts['configure'] = (changes) => {
    configured.push(...changes)
    return { file: 'upshift.yaml', changed: configured.length === changes.length }
  }
  return { configured, ports: portsOver(puller.settings, { configure, ...more }) }
}

test('from an empty folder to a first answer: asked once, fetched, tried and written down', async () => {
  using puller = new Puller(hub.origin)
  const { ports: over, configured } = ports(puller, { firstAnswer })
  const { code, out, err } = await runVerb(over, 'setup', { flags: { model: ['qwen3-4b'] }, typed: 'yes' })
  assert.equal(code, 0, err)
  assert.match(out, /This machine: .* of memory.* processors; .* free under/)
  assert.match(out, /fast +qwen3-4b +4B +about 2\.50 GB +about 4\.24 GB +Apache-2\.0\n/)
  assert.match(out, /\nqwen3-4b: reasoning.*\. By Alibaba; the file by /)
  assert.match(out, /The list is of 20\d\d-\d\d-\d\d and ages.*approximate/)
  assert.match(
    out,
    new RegExp(`To fetch: about 2\\.50 GB from 127\\.0\\.0\\.1:${hub.port} into .*stay free.*licence`),
  )
  assert.match(err, /Go on\? \[y\/N\].*contacting/s)
  assert.match(out, new RegExp(`fast: ${NAME} answers(, \\d+\\.\\d tokens a second)?: ".+"`))
  assert.match(out, /The tiers are written to upshift\.yaml/)
  assert.deepEqual(configured, [{ path: ['models', 'tiers', NAME], value: 'fast' }])
  assert.deepEqual(puller.names(), [`${NAME}.gguf`, `${NAME}.json`])
  const shown = await runVerb(over, 'models show', { args: [NAME] })
  assert.match(shown.out, /^licence +Apache-2\.0$/m)
})

test('nobody is contacted before the yes, and a no leaves everything as it is', async () => {
  using puller = new Puller(hub.origin)
  const asked = hub.seen.length
  const { ports: over, configured } = ports(puller)
  const no = await runVerb(over, 'setup', { flags: { model: ['qwen3-4b'] }, typed: 'n' })
  assert.equal(no.code, 1)
  assert.match(no.err, /Nothing was fetched and nothing was changed/)
  await assert.rejects(
    runVerb(over, 'setup', { flags: { model: ['qwen3-4b'] } }),
    (error) => error instanceof UsageError && /--yes/.test(error.message),
  )
  const plan = await runVerb(over, 'setup', { flags: { model: ['qwen3-4b'] }, json: true })
  assert.deepEqual([plan.code, plan.err, JSON.parse(plan.out).done], [0, '', false])
  assert.deepEqual([hub.seen.length, configured, puller.names()], [asked, [], []])
})

test('run again it fetches nothing, and what broke off goes on', async () => {
  using puller = new Puller(hub.origin, { tries: 1 })
  const { ports: over } = ports(puller)
  const setup = () => runVerb(over, 'setup', { flags: { model: ['qwen3-4b'], yes: true }, json: true })
  hub.script.set(PATH, [{ do: 'serve' }, { do: 'cut', after: 1_500_000 }])
  await assert.rejects(setup(), refusedAs('upstream_unreachable', /the same command goes on from there/))
  const first = JSON.parse((await setup()).out)
  assert.equal(first.done, true)
  assert.deepEqual([first.results[0].name, first.results[0].tier, first.config.changed], [NAME, 'fast', true])
  const asked = hub.seen.length
  const again = JSON.parse((await setup()).out)
  assert.deepEqual([again.plan[0].here, again.config.changed, hub.seen.length], [true, false, asked])
  const fitting = JSON.parse((await runVerb(over, 'setup', { flags: { tier: ['fast'] }, json: true })).out)
  assert.deepEqual(
    fitting.plan.map(({ name, here }: { name: string; here: boolean }) => [name, here]),
    [[NAME, true]],
  )
})

test('a model that the configuration names for a tier is kept for it', async () => {
  using puller = new Puller(hub.origin)
  await puller.pull(join(folder, 'tiny.gguf'), { name: 'my-own' })
  const { ports: over, configured } = ports(puller, { tiers: { 'my-own': 'fast' } })
  const { out } = await runVerb(over, 'setup', { flags: { tier: ['fast'] } })
  assert.match(out, /fast +my-own/)
  assert.match(out, /Nothing is to be fetched/)
  assert.deepEqual(configured, [{ path: ['models', 'tiers', 'my-own'], value: 'fast' }])
})

test('a model that does not work is told, and nothing is configured', async () => {
  using puller = new Puller(hub.origin)
  const failing = async (): Promise<never> => {
    throw new UpshiftError({ code: 'upstream_failed', message: 'It did not work.' })
  }
  const { ports: over, configured } = ports(puller, { firstAnswer: failing })
  await assert.rejects(
    runVerb(over, 'setup', { flags: { model: ['qwen3-4b'], yes: true } }),
    refusedAs('upstream_failed', /did not work/),
  )
  assert.deepEqual(configured, [])
})

test('an engine that runs already is told, and where nothing fits the figures are', async () => {
  using puller = new Puller(hub.origin)
  const { ports: over } = ports(puller, {
    engines: async () => [{ kind: 'ollama', baseUrl: 'http://127.0.0.1:11434/v1' }],
  })
  const { out } = await runVerb(over, 'setup', { flags: { model: ['qwen3-4b'] }, typed: 'n' })
  assert.match(out, /ollama answers at http:\/\/127\.0\.0\.1:11434\/v1: its models are used as well/)
  await assert.rejects(
    runVerb(over, 'setup', { flags: { tier: ['expert'] } }),
    refusedAs('no_model', /No model of the list fits.*no model for expert.*are available.*processors/),
  )
})

test('a tier or a model that there is not is wrong usage', async () => {
  using puller = new Puller(hub.origin)
  const { ports: over } = ports(puller)
  for (const [flags, pattern] of [
    [{ tier: ['huge'] }, /--tier is one of fast, mid, expert, not huge/],
    [{ model: ['gpt-9'] }, /--model takes one of qwen3-4b, .*, not "gpt-9"/],
  ] as const) {
    await assert.rejects(
      runVerb(over, 'setup', { flags }),
      (error) => error instanceof UsageError && pattern.test(error.message),
    )
  }
})

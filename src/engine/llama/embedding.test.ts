import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { EmbedCall, EmbedEnd } from '../../contract/embed.ts'
import { systemClock } from '../../lib/clock.ts'
import { section } from './config.ts'
import { LlamaEngine } from './engine.ts'
import { writeTinyModel } from './gguf.fixture.ts'
import { ModelFolder } from './model-folder.ts'

/** Vectors by llama.cpp itself, from a tiny random model. */

const root = mkdtempSync(join(tmpdir(), 'upshift-embed-'))
const models = join(root, 'models')
mkdirSync(models)
writeTinyModel(join(models, 'tiny-embed.gguf'), { contextTokens: 256 })
writeTinyModel(join(models, 'tiny.gguf'))
const folder = new ModelFolder(models, assert.fail)
await folder.refresh()
const engine = new LlamaEngine({
  models: () => folder.models(),
  warmFolder: join(root, 'kv'),
  config: section.schema.parse({ threads: 1, contextTokens: 512 }),
  clock: systemClock,
  random: () => 0,
  warn: () => undefined,
})
after(async () => {
  await engine[Symbol.asyncDispose]()
  rmSync(root, { recursive: true })
})

function embed(inputs: EmbedCall['inputs'], more: Partial<EmbedCall> = {}): Promise<EmbedEnd> {
  return engine.embed('tiny-embed', {
    id: 'req_1',
    inputs,
    dimensions: undefined,
    request: { model: 'x', input: 'x' },
    deadline: systemClock.elapsed() + 20_000,
    signal: new AbortController().signal,
    ...more,
  })
}

test('a model is known to embed by its name, and its vectors have the length one', async () => {
  assert.deepEqual(
    folder.models().map(({ name, embeds }) => [name, embeds]),
    [
      ['tiny-embed', true],
      ['tiny', false],
    ],
  )
  const ended = await embed(['hello world', 'the weather', 'hello world', [1, 2, 3]])
  assert.ok(ended.type === 'embedded')
  assert.equal(ended.vectors.length, 4)
  for (const vector of ended.vectors) {
    assert.equal(vector.length, 64)
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
  }
  const [first, second, third] = ended.vectors
  assert.deepEqual(first, third)
  assert.notDeepEqual(first, second)
  assert.equal(ended.usage?.completionTokens, 0)
  assert.ok((ended.usage?.promptTokens ?? 0) > 6)
})

test('an input beyond the context is refused by its figures, and the next one is answered', async () => {
  const long = await embed(['short', 'far '.repeat(600)])
  assert.ok(long.type === 'failed')
  assert.equal(long.problem.code, 'context_length_exceeded')
  assert.match(long.problem.message, /context of 256/)
  assert.equal((await embed(['short'])).type, 'embedded')
})

test('who leaves and whose time is over is told at once, while others are served', async () => {
  const gone = new AbortController()
  const left = embed(
    Array.from({ length: 64 }, () => 'far '.repeat(60)),
    { signal: gone.signal },
  )
  const late = embed(['x'], { deadline: systemClock.elapsed() - 1 })
  const limited = embed(['x'], { signal: AbortSignal.abort(new DOMException('over', 'TimeoutError')) })
  const served = embed(['x'])
  gone.abort()
  const [leaver, latecomer, other] = await Promise.all([left, late, served])
  assert.ok(leaver.type === 'failed' && latecomer.type === 'failed')
  assert.equal(leaver.problem.code, 'client_closed')
  assert.equal(latecomer.problem.code, 'deadline_exceeded')
  assert.equal(other.type, 'embedded')
  const over = await limited
  assert.equal(over.type === 'failed' && over.problem.code, 'deadline_exceeded')
})

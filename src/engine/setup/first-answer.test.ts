import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { systemClock } from '../../lib/clock.ts'
import { section } from '../llama/config.ts'
import { writeTinyModel } from '../llama/gguf.fixture.ts'
import { refusedAs } from '../pull/puller.fixture.ts'
import { firstAnswerBy } from './first-answer.ts'

/** By the engine itself, with one thread. */
const firstAnswer = firstAnswerBy({
  config: section.schema.parse({ threads: 1 }),
  clock: systemClock,
  random: Math.random,
})

const folder = mkdtempSync(join(tmpdir(), 'upshift-first-answer-'))
after(() => rmSync(folder, { recursive: true }))
const patient = new AbortController().signal

test('a model that speaks is heard, and its pace is measured', async () => {
  const path = join(folder, 'speaks.gguf')
  // Large enough to need some milliseconds a token: what a smaller one says comes all at once, and has no pace.
  writeTinyModel(path, { layers: 8, embedding: 384, heads: 6, kvHeads: 3, feedForward: 1_024, endBias: -8 })
  const { text, tokensPerSecond } = await firstAnswer(path, patient)
  assert.ok(text.length > 0)
  assert.ok(tokensPerSecond > 0 && Number.isFinite(tokensPerSecond))
})

test('a model that ends at once, and a file that is none, are told as what they are', async () => {
  const silent = join(folder, 'silent.gguf')
  writeTinyModel(silent, { endBias: 8 })
  await assert.rejects(firstAnswer(silent, patient), refusedAs('upstream_failed', /before the first word/))
  const broken = join(folder, 'broken.gguf')
  writeFileSync(broken, 'GGUF and nothing else')
  await assert.rejects(firstAnswer(broken, patient), refusedAs('invalid_request', /no GGUF file/))
})

test('a model that is too large for the memory it may have is told with the figures, and not loaded', async () => {
  const path = join(folder, 'large.gguf')
  writeTinyModel(path, { endBias: -8 })
  const config = section.schema.parse({ threads: 1, memoryBytes: 64 * 1_048_576 })
  const narrow = firstAnswerBy({ config, clock: systemClock, random: Math.random })
  await assert.rejects(
    narrow(path, patient),
    refusedAs('upstream_failed', /needs at least \d+ MiB .* and 64 MiB are free/),
  )
})

test('an interruption ends the process that tries it', async () => {
  const path = join(folder, 'interrupted.gguf')
  writeTinyModel(path, { endBias: -8 })
  const controller = new AbortController()
  const trying = firstAnswer(path, controller.signal)
  controller.abort()
  await assert.rejects(trying, { name: 'AbortError' })
})

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ChatMessage } from '../src/contract/chat.ts'
import { startTinyEngine, type TinyEngine } from '../src/engine/llama/engine.fixture.ts'
import { callOf, collect, textOf } from '../src/engine/upstream.fixture.ts'
import { until } from './process/until.ts'

/* States of system prompts, as a caller sees them: in the counts of cached tokens, and in unchanged answers. */

const MODELS = { m: { endBias: -8 } }
const CONFIG = { contextTokens: 2_048, parallel: 2, spareSlots: 0 }

/** Some 160 tokens. */
function systemOf(topic: string): ChatMessage {
  return {
    role: 'system',
    content: `You know ${topic}. ${'The weather in the city is what it is. '.repeat(6)}`,
  }
}

async function ask({ engine }: TinyEngine, topic: string, question: string) {
  const messages: ChatMessage[] = [systemOf(topic), { role: 'user', content: question }]
  const events = await collect(engine.generate('m', callOf({ messages, temperature: 0 })))
  const last = events.at(-1)
  assert.ok(last?.type === 'answer-finish' && last.usage, JSON.stringify(last))
  return { text: textOf(events), ...last.usage, cachedTokens: last.usage.cachedTokens ?? 0 }
}

function gauges({ engine }: TinyEngine) {
  return engine.states()[0]?.gauges
}

function files({ warm }: TinyEngine): readonly string[] {
  const folder = join(warm, 'm')
  return readdirSync(folder).map((name) => join(folder, name))
}

/** An engine that was stopped after it had saved the state of one system prompt. */
async function withOneSaved(): Promise<TinyEngine> {
  const tiny = await startTinyEngine(MODELS, { config: CONFIG })
  await ask(tiny, 'rain', 'one')
  await ask(tiny, 'rain', 'two')
  await until('a state is saved', () => gauges(tiny)?.warmSaves === 1)
  await tiny.engine[Symbol.asyncDispose]()
  return tiny
}

test('a system prompt that came twice is loaded after a restart, and the answers stay the same', async () => {
  await using tiny = await withOneSaved()
  assert.equal(files(tiny).length, 1)
  for (const file of files(tiny)) assert.equal(statSync(file).mode & 0o077, 0, 'its owner’s alone')
  await using second = tiny.again()
  await second.refresh()
  await using without = await startTinyEngine(MODELS, { config: { ...CONFIG, warmBytes: 0 } })
  for (const question of ['three', 'four, at more length: why?']) {
    const warm = await ask(second, 'rain', question)
    const cold = await ask(without, 'rain', question)
    assert.equal(warm.text, cold.text)
    assert.equal(warm.promptTokens, cold.promptTokens)
    assert.ok(warm.cachedTokens > 150 && warm.cachedTokens < warm.promptTokens, `${warm.cachedTokens}`)
  }
  await until('it is loaded', () => gauges(second)?.warmLoads === 1)
  assert.equal(gauges(second)?.warmSaves, 0)
})

test('states stay within their bytes, and one that is too large for them is not written again and again', async () => {
  await using measured = await withOneSaved()
  const [one] = files(measured)
  const { size } = statSync(one ?? '')
  const warmBytes = Math.floor(size * 2.5)
  await using tiny = await startTinyEngine(MODELS, { config: { ...CONFIG, warmBytes } })
  for (const topic of ['a', 'b', 'c', 'd'])
    for (const question of ['1', '2']) await ask(tiny, topic, question)
  await until('four states are saved', () => gauges(tiny)?.warmSaves === 4)
  const bytes = files(tiny).reduce((sum, file) => sum + statSync(file).size, 0)
  assert.deepEqual([files(tiny).length, bytes <= warmBytes, gauges(tiny)?.warmBytes], [2, true, bytes])

  await using narrow = await startTinyEngine(MODELS, { config: { ...CONFIG, warmBytes: size - 1 } })
  for (const question of ['1', '2', '3', '4']) await ask(narrow, 'rain', question)
  await until('all is answered', () => gauges(narrow)?.requests === 4)
  assert.deepEqual([gauges(narrow)?.warmSaves, files(narrow)], [0, []])
})

test('what is forgotten is neither on the disk nor loaded', async () => {
  await using tiny = await startTinyEngine(MODELS, { config: CONFIG })
  for (const question of ['one', 'two']) await ask(tiny, 'rain', question)
  await until('a state is saved', () => gauges(tiny)?.warmSaves === 1)
  await tiny.engine.forget()
  assert.deepEqual(files(tiny), [])
  assert.equal((await ask(tiny, 'rain', 'three')).cachedTokens, 0)
  // Nor is what was saved by a model that is not loaded now.
  await using saved = await withOneSaved()
  await using second = saved.again()
  await second.engine.forget()
  assert.deepEqual(readdirSync(second.warm), [])
})

for (const [harm, damage] of [
  ['was changed in one bit', flipped],
  ['was cut', (file: string) => truncateSync(file, Math.floor(statSync(file).size / 2))],
  ['is empty', (file: string) => truncateSync(file, 0)],
] as const) {
  test(`a state that ${harm} is dropped, said, and the answer is right`, async () => {
    await using tiny = await withOneSaved()
    for (const file of files(tiny)) damage(file)
    mkdirSync(join(tiny.warm, 'm', 'stray'))
    writeFileSync(join(tiny.warm, 'm', 'left.part'), 'cut by a crash')
    await using second = tiny.again()
    await second.refresh()
    await using without = await startTinyEngine(MODELS, { config: { ...CONFIG, warmBytes: 0 } })
    const [warm, cold] = [await ask(second, 'rain', 'three'), await ask(without, 'rain', 'three')]
    assert.deepEqual(warm, cold)
    assert.equal(warm.cachedTokens, 0)
    assert.deepEqual([second.warnings.length, files(second)], [1, []])
    assert.match(second.warnings[0] ?? '', /state of a system prompt is dropped/)
  })
}

function flipped(file: string): void {
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.length * 0.75)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

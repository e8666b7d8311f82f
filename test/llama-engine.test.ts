import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Call } from '../src/contract/call.ts'
import type { AnswerEvent } from '../src/contract/event.ts'
import type { Problem } from '../src/contract/problem.ts'
import type { Usage } from '../src/contract/usage.ts'
import { startTinyEngine, type TinyEngine } from '../src/engine/llama/engine.fixture.ts'
import { writeTinyModel } from '../src/engine/llama/gguf.fixture.ts'
import { callOf, collect, textOf } from '../src/engine/upstream.fixture.ts'
import { until } from './process/until.ts'

const ENDLESS = { endBias: -8 }
/** Seconds for a context full: longer than what a test does beside it. */
const SLOW = { endBias: -8, embedding: 256, feedForward: 8_192 }
const FEW = { contextTokens: 2_048, parallel: 2, spareSlots: 0 }
/** A template that counts for ever. */
const LOOP = 'x{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}'.concat(
  '{% endfor %}{% endfor %}{% endfor %}',
)
const MIB = 1_048_576

function ask({ engine }: TinyEngine, model: string, content: string, rest: Partial<Call> = {}) {
  const request = { messages: [{ role: 'user' as const, content }], temperature: 0 }
  return collect(engine.generate(model, callOf(request, { maxOutputTokens: 8, ...rest })))
}

function usageOf(events: readonly AnswerEvent[]): Usage {
  const last = events.at(-1)
  assert.ok(last?.type === 'answer-finish' && last.usage, JSON.stringify(last))
  return last.usage
}

function problemOf(events: readonly AnswerEvent[]): Problem {
  const last = events.at(-1)
  assert.ok(last?.type === 'answer-error', JSON.stringify(last))
  return last.problem
}

/** A generation that goes on until it is told to leave; resolves once it has said something. */
async function running(tiny: TinyEngine, model: string) {
  const leaving = new AbortController()
  const iterator = tiny.engine
    .generate(model, callOf({ temperature: 0 }, { signal: leaving.signal, maxOutputTokens: 100_000 }))
    [Symbol.asyncIterator]()
  const first = await iterator.next()
  assert.equal(first.value?.at(-1)?.type, 'chunk-delta')
  return {
    end: async (): Promise<readonly AnswerEvent[]> => {
      const events: AnswerEvent[] = []
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        events.push(...next.value)
      }
      return events
    },
    leave: () => leaving.abort(),
  }
}

test('without a line as many are answered as run at once, and one more is told when to come back', async () => {
  await using tiny = await startTinyEngine({ m: SLOW }, { config: { ...FEW, queueLimit: 0 } })
  const first = await running(tiny, 'm')
  usageOf(await ask(tiny, 'm', 'second'))
  const other = await running(tiny, 'm')
  const problem = problemOf(await ask(tiny, 'm', 'third'))
  assert.equal(problem.code, 'queue_full')
  assert.ok((problem.retryAfterMs ?? 0) > 0)
  first.leave()
  other.leave()
  await Promise.all([first.end(), other.end()])
})

test('a request of which one choice found no place can be asked again at once, under its own id', async () => {
  await using tiny = await startTinyEngine({ m: ENDLESS }, { config: { ...FEW, queueLimit: 0 } })
  const request = { n: 3, temperature: 0 }
  for (let round = 0; round < 10; round++) {
    const refused = await collect(tiny.engine.generate('m', callOf(request, { maxOutputTokens: 500 })))
    assert.equal(problemOf(refused).code, 'queue_full')
    const again = await collect(tiny.engine.generate('m', callOf({ ...request, n: 1 })))
    // What was given up may be ending still.
    if (again.at(-1)?.type === 'answer-error') assert.equal(problemOf(again).code, 'queue_full')
  }
  await until('nothing runs', () => tiny.engine.states()[0]?.gauges?.running === 0)
  usageOf(await ask(tiny, 'm', 'after all'))
  assert.deepEqual([tiny.engine.states()[0]?.restarts, tiny.warnings], [0, []])
})

test('what is forgotten stands in no cache, also where it was worked on, nor on the disk', async () => {
  await using tiny = await startTinyEngine({ m: SLOW }, { config: FEW })
  const long = 'forget me '.repeat(20)
  usageOf(await ask(tiny, 'm', long))
  assert.ok((usageOf(await ask(tiny, 'm', long)).cachedTokens ?? 0) > 100)
  const busy = await running(tiny, 'm')
  const other = join(tiny.warm, 'another-model')
  mkdirSync(other, { recursive: true })
  writeFileSync(join(other, 'state.kv'), 'secret')
  await tiny.engine.forget()
  assert.deepEqual(readdirSync(tiny.warm), ['m'])
  busy.leave()
  await busy.end()
  assert.equal(usageOf(await ask(tiny, 'm', long)).cachedTokens, 0)
  assert.equal(usageOf(await collect(tiny.engine.generate('m', callOf()))).cachedTokens, 0)
})

test('a file that llama.cpp does not take is named with its reason, once, and the others answer', async () => {
  await using tiny = await startTinyEngine({ good: ENDLESS, bad: ENDLESS }, { config: FEW })
  const path = join(tiny.models, 'bad.gguf')
  // Whole as a file, of an architecture that nobody has: every name in the header is as long as before.
  writeFileSync(path, readFileSync(path, 'latin1').replaceAll('llama', 'klama'), 'latin1')
  await tiny.refresh()
  const problem = problemOf(await ask(tiny, 'bad', 'hello'))
  assert.equal(problem.code, 'no_model')
  assert.match(problem.message, /does not take the model "bad": .*Get its file again/s)
  usageOf(await ask(tiny, 'good', 'hello'))
  const bad = tiny.engine.states().find(({ name }) => name === 'bad')
  assert.deepEqual([bad?.state, bad?.pid, bad?.restarts], ['stopped', undefined, 0])
  assert.equal(tiny.warnings.length, 1)
})

test('a chat template that never comes back is ended and blamed, and who waited is answered or told', async () => {
  const template = `{% if messages[0]['content'] == 'loop' %}${LOOP}{% endif %}{{ messages[0]['content'] }}`
  const m = { ...ENDLESS, chatTemplate: template }
  await using tiny = await startTinyEngine({ m }, { config: FEW, silentMs: 2_500 })
  usageOf(await ask(tiny, 'm', 'hello'))
  const looping = ask(tiny, 'm', 'loop')
  const waiting = ask(tiny, 'm', 'hello')
  const problem = problemOf(await looping)
  assert.equal(problem.code, 'invalid_request')
  assert.match(problem.message, /chat template of "m" did not come back/)
  usageOf(await waiting)
  assert.equal(tiny.engine.states()[0]?.restarts, 1)
})

test('a process that is killed loses what it was answering, and who waited is answered by the next one', async () => {
  await using tiny = await startTinyEngine({ m: SLOW }, { config: { ...FEW, parallel: 1 } })
  const busy = await running(tiny, 'm')
  const waiting = ask(tiny, 'm', 'hello')
  await until('one request waits', () => tiny.engine.states()[0]?.gauges?.waiting === 1)
  process.kill(tiny.engine.states()[0]?.pid ?? 0, 'SIGKILL')
  const problem = problemOf(await busy.end())
  assert.equal(problem.code, 'upstream_failed')
  assert.match(problem.message, /ended with SIGKILL/)
  usageOf(await waiting)
})

test('a process that is killed while it loads is followed by one that answers', async () => {
  await using tiny = await startTinyEngine({ m: ENDLESS }, { config: FEW })
  const asked = ask(tiny, 'm', 'hello')
  await until('the model loads', () => tiny.engine.states()[0]?.state === 'loading')
  process.kill(tiny.engine.states()[0]?.pid ?? 0, 'SIGKILL')
  usageOf(await asked)
  assert.equal(tiny.engine.states()[0]?.restarts, 1)
})

test('a model that cannot fit is refused with the figures and never started', async () => {
  await using tiny = await startTinyEngine({ m: ENDLESS }, { config: { ...FEW, memoryBytes: 64 * MIB } })
  const problem = problemOf(await ask(tiny, 'm', 'hello'))
  assert.equal(problem.code, 'no_model')
  assert.match(problem.message, /needs at least 1\d\d MiB \(weights 1 MiB\), and 64 MiB are free/)
  assert.deepEqual([problem.retryAfterMs, tiny.engine.states()], [undefined, []])
})

test('where memory is for one, an idle model gives way to the one that is asked for, and a busy one does not', async () => {
  const config = { ...FEW, memoryBytes: 240 * MIB }
  await using tiny = await startTinyEngine({ left: SLOW, right: SLOW }, { config })
  usageOf(await ask(tiny, 'left', 'hello'))
  const busy = await running(tiny, 'right')
  assert.deepEqual(
    tiny.engine.states().map(({ name }) => name),
    ['right'],
  )
  const problem = problemOf(await ask(tiny, 'left', 'hello'))
  assert.equal(problem.code, 'no_model')
  assert.match(problem.message, /beside right/)
  assert.ok((problem.retryAfterMs ?? 0) > 0)
  busy.leave()
  await busy.end()
  assert.notEqual(textOf(await ask(tiny, 'left', 'hello')), '')
})

test('a model that nobody asks for is unloaded', async () => {
  await using tiny = await startTinyEngine({ m: ENDLESS }, { config: { ...FEW, idleMs: 1_000 } })
  usageOf(await ask(tiny, 'm', 'hello'))
  await until('it is unloaded', () => tiny.engine.states().length === 0)
  usageOf(await ask(tiny, 'm', 'hello'))
})

test('a file that was replaced is served as it is now, and by whoever it was while somebody is being answered', async () => {
  await using tiny = await startTinyEngine({ m: SLOW }, { config: FEW })
  const before = textOf(await ask(tiny, 'm', 'hello'))
  const busy = await running(tiny, 'm')
  writeTinyModel(join(tiny.models, 'new'), { ...SLOW, seed: 2 })
  renameSync(join(tiny.models, 'new'), join(tiny.models, 'm.gguf'))
  await tiny.refresh()
  assert.equal(textOf(await ask(tiny, 'm', 'hello')), before)
  busy.leave()
  await busy.end()
  assert.notEqual(textOf(await ask(tiny, 'm', 'hello')), before)
  assert.equal(tiny.engine.states().length, 1)
})

test('an engine that was stopped starts no process any more', async () => {
  await using tiny = await startTinyEngine({ m: ENDLESS }, { config: FEW })
  await tiny.engine[Symbol.asyncDispose]()
  assert.equal(problemOf(await ask(tiny, 'm', 'hello')).code, 'draining')
  assert.deepEqual(tiny.engine.states(), [])
})

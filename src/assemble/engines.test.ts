import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { Ask } from '../contract/ask.ts'
import type { Settlement } from '../contract/entry.ts'
import type { AnswerEvent } from '../contract/event.ts'
import { isRefusal } from '../contract/problem.ts'
import { createConnections } from '../engine/connections.ts'
import { createExtractiveEngine } from '../engine/extractive/engine.ts'
import { section as llamaSection } from '../engine/llama/config.ts'
import { LlamaEngine } from '../engine/llama/engine.ts'
import { createMessagesEngine } from '../engine/messages/engine.ts'
import {
  delta,
  engineOver,
  FINISH,
  httpChunk,
  respond,
  STREAM_END,
  STREAM_HEAD,
  sse,
  startUpstream,
  USAGE,
} from '../engine/upstream.fixture.ts'
import { environmentEngines } from '../fleet/environment.ts'
import { fleetOver } from '../fleet/scripted.fixture.ts'
import { systemClock } from '../lib/clock.ts'
import { RequestBill } from '../request/bill.ts'
import { createDirect } from '../request/direct.ts'
import { askWith, passing, plan, unjudged } from '../request/scripted.fixture.ts'
import { BoundLease } from './engines.ts'

/* The attempt loop over a real fleet, lease and engine: what a capped engine receives, and what it is charged. */

const MODEL = 'openai/gpt-4o-mini'
const CALLER = { key: 'key_test', name: 'test', owner: false, scope: { engines: 'any' } } as const
// gpt-4o-mini: $0.15 in and $0.60 out a million. 100 bytes and a message's template in, 100 tokens out.
const WORST = Math.ceil((100 + 16) * 0.15 + 100 * 0.6)

interface Run {
  readonly events: readonly AnswerEvent[]
  readonly settled: Settlement | undefined
  readonly spentMicros: number
  readonly unknownMicros: number
  readonly body: Readonly<Record<string, unknown>>
}

/** One answer by an engine under a cap whose chat endpoint does what `answer` says. */
async function run(answer: (socket: Socket) => void, ask: Ask = askWith()): Promise<Run> {
  await using held = new AsyncDisposableStack()
  const upstream = held.adopt(
    await startUpstream((socket, { head }) => {
      if (head.startsWith('GET')) respond(socket, 200, JSON.stringify({ data: [{ id: 'gpt-4o-mini' }] }))
      else answer(socket)
    }),
    (one) => one.close(),
  )
  const environment = environmentEngines({
    OPENAI_API_KEY: 'sk-planted',
    OPENAI_BASE_URL: upstream.url,
  }).engines
  const { fleet } = held.use(fleetOver({ environment, parts: { clock: systemClock } }))
  await fleet.allow('openai', 1, 'key_owner')
  const connections = held.adopt(createConnections(), (one) => one.close())
  const engines = {
    openAi: engineOver(connections),
    messages: createMessagesEngine({
      clock: systemClock,
      dispatcherFor: (url) => connections.dispatcherFor(url),
    }),
    extractive: createExtractiveEngine({ clock: systemClock }),
    llama: held.use(noModels()),
  }
  const direct = createDirect(
    {
      acquire: async (need) => {
        const grant = await fleet.acquire(need)
        return isRefusal(grant) ? grant : new BoundLease(grant, engines)
      },
      hasOther: () => false,
      outbound: (request) => ({ type: 'admitted', request, verdicts: [] }),
      check: () => passing,
      record: { append: async () => undefined },
      elapsed: systemClock.elapsed,
      random: () => 0,
      bounds: { turns: 1, backoffMs: 1, backoffMaxMs: 1, retryShare: 0, heldBytes: 10_000 },
    },
    unjudged,
  )
  const events: AnswerEvent[] = []
  const bill = new RequestBill()
  const batches = direct({
    ask,
    caller: CALLER,
    plan: { ...plan, candidates: [MODEL] },
    purse: { reserve: () => ({ settle: () => undefined }) },
    bill,
    opened: Promise.resolve(),
    complete: () => assert.fail('no child'),
  })
  for (let over = false; !over; ) {
    const { value, done } = await batches.next()
    events.push(...value)
    over = done === true
  }
  const spend = fleet.engines()[0]?.spend
  return {
    events,
    settled: bill.take()[0],
    spentMicros: spend?.spentMicros ?? 0,
    unknownMicros: spend?.unknownMicros ?? 0,
    body: JSON.parse(upstream.received.find(({ head }) => head.startsWith('POST'))?.body ?? '{}'),
  }
}

const RATE_LIMITED = { error: { message: 'slow down', type: 'rate_limit_error', code: 429 } }
const streams =
  (...said: unknown[]) =>
  (socket: Socket): void =>
    void socket.write(STREAM_HEAD + httpChunk(sse(...said)) + STREAM_END)

test('an answer that the engine breaks off with an error of its own stays charged at its worst case', async () => {
  const { events, settled, spentMicros, unknownMicros } = await run(
    streams(delta('Hel'), delta('lo'), RATE_LIMITED),
  )
  const last = events.at(-1)
  assert.equal(last?.type === 'answer-error' && last.problem.code, 'upstream_rate_limited')
  assert.deepEqual([settled?.outcome, settled?.costMicros], ['upstream_rate_limited', undefined])
  assert.deepEqual([spentMicros, unknownMicros], [WORST, WORST])
})

test('a count of tokens from before the content does not make a broken answer cheap', async () => {
  const early = { ...USAGE, usage: { prompt_tokens: 5, completion_tokens: 0 } }
  const { settled, spentMicros } = await run(streams(early, delta('Hello'), RATE_LIMITED))
  assert.deepEqual([settled?.usage, spentMicros], [undefined, WORST])
})

test('the same error in place of an answer costs nothing', async () => {
  for (const answer of [
    streams(RATE_LIMITED),
    (socket: Socket) => respond(socket, 429, JSON.stringify(RATE_LIMITED)),
  ]) {
    const { settled, spentMicros } = await run(answer)
    assert.deepEqual([settled?.outcome, settled?.costMicros], ['upstream_rate_limited', 0])
    assert.equal(spentMicros, 0)
  }
})

test('a capped engine never sees what would choose another model or raise the price, and the answer says so', async () => {
  const ask = askWith({}, { models: ['openai/gpt-5'], service_tier: 'priority', top_k: 3 })
  const { body, events, spentMicros } = await run(streams(delta('Hi'), FINISH, USAGE, '[DONE]'), ask)
  assert.deepEqual(['models' in body, 'service_tier' in body, body['top_k']], [false, false, 3])
  assert.equal(body['model'], 'gpt-4o-mini')
  const last = events.at(-1)
  const details = last?.type === 'answer-finish' ? last.verdicts.map(({ detail }) => detail) : []
  assert.equal(details.length, 2)
  assert.match(
    details.join('\n'),
    /^models was left out: it names other models.*\nservice_tier was left out: /,
  )
  assert.equal(spentMicros, 2)
})

/** An engine on an empty folder. */
function noModels(): LlamaEngine {
  return new LlamaEngine({
    models: () => [],
    warmFolder: '/nowhere',
    config: llamaSection.schema.parse({}),
    clock: systemClock,
    random: () => 0,
    warn: () => undefined,
  })
}

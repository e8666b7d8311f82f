import assert from 'node:assert/strict'
import type { Ask, Handle } from '../contract/ask.ts'
import type { Call } from '../contract/call.ts'
import type { Caller } from '../contract/caller.ts'
import type { ChatChunk, ChatRequest } from '../contract/chat.ts'
import type { AnswerEvent, Batch } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import type { ChatMode, Plan } from '../contract/plan.ts'
import { isRefusal, type Problem, type ProblemCode, refuse } from '../contract/problem.ts'
import type { JudgePort } from './cascade/way.ts'
import { createDirect } from './direct.ts'
import { createHandle } from './handle.ts'
import type { AnswerCheck, AttemptPorts, HandlePorts, Lease, RecordPort } from './ports.ts'
import { createRetrieve } from './retrieve.ts'

/** A path of real parts over scripted replicas: what each engine says is the test's own generator. */
const caller: Caller = { key: 'key_test', name: 'test', owner: false, scope: { engines: 'any' } }

function modelView(engine: string): ModelView {
  return {
    id: `${engine}/small`,
    engine,
    name: 'small',
    tier: 'fast',
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: { inputPerMillion: 1_000_000, outputPerMillion: 2_000_000 },
    enforcesSchema: false,
  }
}

export const plan: Plan<ChatMode> = {
  mode: 'direct',
  requested: 'auto',
  tier: 'fast',
  candidates: ['one/small', 'two/small'],
  effort: 'fast',
  output: 'scan',
  maxOutputTokens: 100,
  capImposed: true,
  deadlineMs: 5_000,
  reasons: [],
  rejected: [],
}

export function chunk(content: string, more: Partial<ChatChunk['choices'][number]> = {}): AnswerEvent {
  return { type: 'chunk-delta', chunk: { choices: [{ index: 0, delta: { content }, ...more }] } }
}

const usage = { promptTokens: 10, completionTokens: 5 }
export const finish: AnswerEvent = { type: 'answer-finish', usage, verdicts: [] }
export const stop = chunk('', { finish_reason: 'stop' })

export function failure(code: ProblemCode, more: Partial<Problem> = {}): Batch {
  return [{ type: 'answer-error', problem: { code, message: `scripted ${code}`, ...more } }]
}

export const passing: AnswerCheck = {
  hold: false,
  scan: (batch) => batch,
  flush: () => [],
  whole: async () => ({ type: 'passed' }),
  verdicts: [],
}

interface World {
  readonly entries: string[]
  readonly dispatched: { replica: string; call: Call }[]
  readonly released: string[]
  readonly settled: string[]
  /** One for each visit that ended. */
  readonly left: string[]
  /** The bound on the prompt's tokens that each lease was asked for with. */
  readonly promptBounds: number[]
  /** What the closed entries say that answers cost. */
  readonly costs: number[]
  readonly handle: Handle
}

type Script = (replica: string, turn: number, call: Call) => AsyncIterable<Batch>

interface Scripting {
  readonly check?: () => AnswerCheck
  readonly plan?: Plan<ChatMode>
  readonly replicas?: string[]
  readonly record?: RecordPort
  readonly judge?: JudgePort
}

/** For plans that do not shift up. */
export const unjudged: JudgePort = {
  judge: () => assert.fail('nothing is judged here'),
  same: () => assert.fail('nothing is compared here'),
  equal: () => assert.fail('nothing is compared here'),
  patienceMs: 0,
}

export function world(script: Script, more: Scripting = {}): World {
  const seen: Omit<World, 'handle'> = {
    entries: [],
    dispatched: [],
    released: [],
    settled: [],
    left: [],
    promptBounds: [],
    costs: [],
  }
  const record = more.record ?? recordInto(seen)
  const chosen = more.plan ?? plan
  const handlePorts: HandlePorts = {
    authenticate: ({ credential }) => (credential === 'good' ? caller : refuse('invalid_key', 'no')),
    enter: () => ({ reserve: () => ({ settle: () => undefined }), leave: () => void seen.left.push('left') }),
    admit: (request) => ({ type: 'admitted', request, verdicts: [] }),
    plan: (ask) => (ask.passages === undefined ? chosen : plan),
    ways: {
      direct: createDirect(attemptPorts(script, seen, record, more), more.judge ?? unjudged),
      retrieve: createRetrieve(
        () => [],
        () => 'req_child',
        {
          find: async () => refuse('not_found', 'there are no collections here'),
          stands: () => true,
          quotes: () => false,
        },
      ),
    },
    record,
    elapsed: () => performance.now(),
  }
  return { ...seen, handle: createHandle(handlePorts) }
}

function recordInto({ entries, costs }: Pick<World, 'entries' | 'costs'>): RecordPort {
  return {
    append: async (entry) => {
      await Promise.resolve()
      const detail = 'outcome' in entry ? `:${entry.outcome}` : 'cause' in entry ? `:${entry.cause}` : ''
      if ('settled' in entry) for (const one of entry.settled ?? []) entries.push(`settled:${one.outcome}`)
      entries.push(`${entry.type}${detail}`)
      if (entry.type === 'closed' && entry.costMicros !== undefined) costs.push(entry.costMicros)
    },
  }
}

function attemptPorts(
  script: Script,
  seen: Omit<World, 'handle'>,
  record: RecordPort,
  more: Scripting,
): AttemptPorts {
  const replicas = more.replicas ?? ['one', 'two']
  return {
    acquire: async (need) => {
      seen.promptBounds.push(need.promptTokensBound)
      const replica = replicas.find((name) => !need.failed.has(name))
      return replica === undefined
        ? refuse('no_model', 'every replica has failed')
        : leaseOf(replica, script, seen)
    },
    hasOther: (_candidates, failed) => replicas.some((name) => !failed.has(name)),
    outbound: (request) => ({ type: 'admitted', request, verdicts: [] }),
    check: more.check ?? (() => passing),
    record,
    elapsed: () => performance.now(),
    random: () => 0,
    bounds: { turns: 4, backoffMs: 1, backoffMaxMs: 50, retryShare: 0.2, heldBytes: 10_000 },
  }
}

function leaseOf(replica: string, script: Script, seen: Omit<World, 'handle'>): Lease {
  return {
    type: 'lease',
    replica,
    model: modelView(replica),
    heldMicros: 1_000,
    heldTokens: 2_000,
    generate: (call) => {
      seen.dispatched.push({ replica, call })
      return script(replica, seen.dispatched.length, call)
    },
    count: () => assert.fail('this engine does not count'),
    embed: () => assert.fail('nothing is embedded here'),
    embedBounds: { inputs: 1, bytes: 1 },
    settle: ({ outcome, usage: used }) => {
      seen.settled.push(`${replica}:${outcome}`)
      return used === undefined ? {} : { usage: used, costMicros: 20, chargedMicros: 20 }
    },
    [Symbol.dispose]: () => {
      seen.released.push(replica)
    },
  }
}

export function askWith(more: Partial<Ask> = {}, request: Partial<ChatRequest> = {}): Ask {
  return {
    id: 'req_1',
    origin: { type: 'wire', credential: 'good' },
    request: { model: 'auto', messages: [{ role: 'user', content: 'hello' }], stream: true, ...request },
    bytes: 100,
    receivedAt: 0,
    signal: new AbortController().signal,
    ...more,
  }
}

async function collect(events: AsyncIterable<Batch>): Promise<AnswerEvent[]> {
  const all: AnswerEvent[] = []
  for await (const batch of events) {
    assert.ok(batch.length > 0, 'no batch is empty')
    all.push(...batch)
  }
  return all
}

export async function answered(one: World, ask: Ask = askWith()): Promise<AnswerEvent[]> {
  const answer = await one.handle(ask)
  assert.ok(!isRefusal(answer), 'an answer')
  await using held = answer
  return await collect(held.events)
}

export function text(events: readonly AnswerEvent[]): string {
  return events
    .map((event) => (event.type === 'chunk-delta' ? (event.chunk.choices[0]?.delta.content ?? '') : ''))
    .join('')
}

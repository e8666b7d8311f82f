import assert from 'node:assert/strict'
import type { Ask } from '../../contract/ask.ts'
import type { Caller } from '../../contract/caller.ts'
import type { EmbedBounds, EmbedCall, EmbedEnd, EmbedRequest, Vector } from '../../contract/embed.ts'
import type { Settlement } from '../../contract/entry.ts'
import type { AnswerEvent, AnswerFinish } from '../../contract/event.ts'
import type { LeaseEnd } from '../../contract/lease.ts'
import type { Need } from '../../contract/need.ts'
import type { Plan } from '../../contract/plan.ts'
import { isRefusal, type Problem, type ProblemCode, refuse } from '../../contract/problem.ts'
import { costMicros } from '../../contract/usage.ts'
import { createHandle } from '../handle.ts'
import type { Lease, LoopPorts, RecordPort } from '../ports.ts'
import { createEmbed } from './way.ts'

/** The path of real parts for embeddings, over scripted replicas of one model: what each makes is the test's own. */
const CALLER: Caller = { key: 'key_test', name: 'test', owner: false, scope: { engines: 'any' } }
/** $1 a million: a micro-dollar a token. */
const PRICE = { inputPerMillion: 1_000_000, outputPerMillion: 0 }
const PLAN: Plan<'embed'> = {
  mode: 'embed',
  requested: 'auto',
  tier: 'fast',
  candidates: ['box/vectors'],
  effort: 'fast',
  output: 'hold',
  maxOutputTokens: 0,
  capImposed: false,
  deadlineMs: 5_000,
  reasons: [],
  rejected: [],
}

export type Script = (replica: string, nth: number, call: EmbedCall) => EmbedEnd | Promise<EmbedEnd>

export interface Scripting {
  readonly replicas?: readonly string[]
  readonly bounds?: EmbedBounds
  readonly record?: RecordPort
  readonly offMachine?: boolean
  readonly outbound?: LoopPorts<EmbedRequest>['outbound']
}

export interface Made {
  readonly vectors: readonly Vector[]
  readonly finish: AnswerFinish
  readonly model: string
}

/** What was seen of requests, in order. */
export class World {
  readonly entries: string[] = []
  readonly settlements: Settlement[] = []
  readonly charged: (number | undefined)[] = []
  readonly calls: { readonly replica: string; readonly call: EmbedCall }[] = []
  readonly needs: Need[] = []
  readonly ends: LeaseEnd[] = []
  readonly released: string[] = []
  readonly left: string[] = []
  readonly #script: Script
  readonly #more: Scripting

  constructor(script: Script, more: Scripting = {}) {
    this.#script = script
    this.#more = more
  }

  ask(request: Partial<EmbedRequest>, signal = new AbortController().signal): Promise<Made | Problem> {
    const ask: Ask<EmbedRequest> = {
      id: 'req_1',
      origin: { type: 'wire', credential: 'good' },
      request: { model: 'auto', input: 'hello', ...request },
      bytes: 100,
      receivedAt: 0,
      signal,
    }
    return this.#answered(ask)
  }

  async #answered(ask: Ask<EmbedRequest>): Promise<Made | Problem> {
    const handle = createHandle<EmbedRequest, 'embed'>({
      authenticate: () => CALLER,
      enter: () => ({
        reserve: () => ({ settle: () => undefined }),
        leave: () => void this.left.push('left'),
      }),
      admit: (request) => ({ type: 'admitted', request, verdicts: [] }),
      plan: () => PLAN,
      ways: { embed: createEmbed(this.#ports()) },
      record: this.#record(),
      elapsed: () => performance.now(),
    })
    const answer = await handle(ask)
    if (isRefusal(answer)) return answer.problem
    await using held = answer
    const events: AnswerEvent[] = []
    for await (const batch of held.events) events.push(...batch)
    const last = events.at(-1)
    if (last?.type === 'answer-error') return last.problem
    const [whole, finish, ...more] = events
    assert.deepEqual([whole?.type, finish?.type, more.length], ['embedding-whole', 'answer-finish', 0])
    assert.ok(whole?.type === 'embedding-whole' && finish?.type === 'answer-finish')
    return { vectors: whole.vectors, finish, model: answer.start.model }
  }

  #record(): RecordPort {
    const own: RecordPort = {
      append: async (entry) => {
        if ('settled' in entry) this.settlements.push(...(entry.settled ?? []))
        const detail = 'outcome' in entry ? `:${entry.outcome}` : 'cause' in entry ? `:${entry.cause}` : ''
        this.entries.push(`${entry.type}${detail}`)
        if (entry.type === 'closed') this.charged.push(entry.chargedMicros)
      },
    }
    return this.#more.record ?? own
  }

  #ports(): LoopPorts<EmbedRequest> {
    const replicas = this.#more.replicas ?? ['one', 'two']
    return {
      acquire: (need) => {
        this.needs.push(need)
        const replica = replicas.find((name) => !need.failed.has(name))
        return replica === undefined ? refuse('no_model', 'every replica has failed') : this.#lease(replica)
      },
      hasOther: (_candidates, failed) => replicas.some((name) => !failed.has(name)),
      outbound: this.#more.outbound ?? ((request) => ({ type: 'admitted', request, verdicts: [] })),
      record: this.#record(),
      elapsed: () => performance.now(),
      random: () => 0,
      bounds: { turns: 4, backoffMs: 1, backoffMaxMs: 50, retryShare: 1, heldBytes: 1 },
    }
  }

  #lease(replica: string): Lease {
    return {
      type: 'lease',
      replica,
      model: {
        id: 'box/vectors',
        engine: 'box',
        name: 'vectors',
        tier: 'fast',
        kind: 'embedding',
        offMachine: this.#more.offMachine ?? false,
        allowed: true,
        available: true,
        contextTokens: undefined,
        price: PRICE,
        enforcesSchema: false,
      },
      heldMicros: 1_000,
      heldTokens: 1_000,
      generate: () => assert.fail('nothing is generated here'),
      count: () => assert.fail('nothing is counted here'),
      embedBounds: this.#more.bounds ?? { inputs: 2, bytes: 1_000 },
      embed: async (call) => {
        this.calls.push({ replica, call })
        return this.#script(replica, this.calls.length, call)
      },
      settle: (end) => {
        this.ends.push(end)
        if (end.outcome !== 'ok' || end.parts === undefined) return {}
        const usage = { promptTokens: end.parts.promptTokens, completionTokens: 0 }
        const cost = costMicros(PRICE, usage)
        return { usage, costMicros: cost, chargedMicros: cost }
      },
      [Symbol.dispose]: () => void this.released.push(replica),
    }
  }
}

/** A vector for each input: its length, its first character, and as many halves as are missing. */
export function made(call: EmbedCall, dimensions = 3): EmbedEnd {
  const vectors = call.inputs.map((input) => {
    const start = typeof input === 'string' ? input.charCodeAt(0) : (input[0] ?? 0)
    return Float32Array.from({ length: dimensions }, (_, at) => [input.length, start][at] ?? 0.5)
  })
  return { type: 'embedded', vectors, usage: tokens(10 * call.inputs.length), verdicts: [] }
}

export function tokens(promptTokens: number) {
  return { promptTokens, completionTokens: 0 }
}

export function failure(
  code: ProblemCode,
  more: Partial<Extract<EmbedEnd, { type: 'failed' }>> = {},
): EmbedEnd {
  return { type: 'failed', problem: { code, message: `scripted ${code}` }, ...more }
}

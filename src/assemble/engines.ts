import type { Call } from '../contract/call.ts'
import type { Batch } from '../contract/event.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ModelView } from '../contract/model.ts'
import { isRefusal, type Refusal, refuse, UpshiftError } from '../contract/problem.ts'
import type { ExtractiveEngine } from '../engine/extractive/engine.ts'
import type { LlamaEngine } from '../engine/llama/engine.ts'
import type { MessagesEngine } from '../engine/messages/engine.ts'
import type { OpenAiEngine } from '../engine/openai.ts'
import { type EngineKind, isEngineKind, quirksFor } from '../engine/quirks.ts'
import { answerError, NOTHING_SENT } from '../engine/reader.ts'
import type { Target } from '../engine/target.ts'
import type { LeaseGrant } from '../fleet/lease.ts'
import type { Kind } from '../fleet/profiles.ts'
import { assert } from '../lib/assert.ts'
import type { Lease } from '../request/ports.ts'

/** The engines that a lease's target may name. */
export interface Engines {
  readonly openAi: OpenAiEngine
  readonly messages: MessagesEngine
  readonly extractive: ExtractiveEngine
  readonly llama: LlamaEngine
}

/** Kinds that the fleet knows and that speak Chat Completions without a bend; the compiler misses no new one. */
const PLAIN: Readonly<Record<Exclude<Kind, EngineKind | 'anthropic'>, 'generic'>> = {
  'openai-compatible': 'generic',
  together: 'generic',
}

/** Where a lease's calls go over HTTP. */
type Leased = Extract<LeaseGrant['target'], { type: 'http' }>

/** The fleet's lease with the engine that its target asks for: all that the path needs. */
export class BoundLease implements Lease {
  readonly type = 'lease'
  readonly #grant: LeaseGrant
  readonly #engines: Engines

  constructor(grant: LeaseGrant, engines: Engines) {
    this.#grant = grant
    this.#engines = engines
  }

  get replica(): string {
    return this.#grant.replica
  }

  get model(): ModelView {
    return this.#grant.model
  }

  get heldMicros(): number | undefined {
    return this.#grant.heldMicros
  }

  get heldTokens(): number {
    return this.#grant.heldTokens
  }

  generate(call: Call): AsyncIterable<Batch> {
    const { target, model } = this.#grant
    if (target.type === 'built-in') {
      const { extractive, llama } = this.#engines
      return model.kind === 'extractive' ? extractive.generate(call) : llama.generate(target.upstream, call)
    }
    const to = this.#targetOf(target)
    if (isRefusal(to)) return refused(to)
    const { kind } = target
    if (kind === 'anthropic') return this.#engines.messages.generate(to, call)
    const quirks = quirksFor(isEngineKind(kind) ? kind : PLAIN[kind])
    return this.#engines.openAi.generate({ ...to, quirks }, call)
  }

  async count(call: Call): Promise<number | Refusal> {
    const { target } = this.#grant
    assert(target.type === 'http' && target.kind === 'anthropic', 'only an engine that counts is asked to')
    const to = this.#targetOf(target)
    return isRefusal(to) ? to : this.#engines.messages.count(to, call)
  }

  #targetOf(target: Leased): Target | Refusal {
    const { model } = this.#grant
    let apiKey: string | undefined
    try {
      apiKey = target.key()
    } catch (error) {
      // A key file that went away is the engine's trouble, and perhaps not the next one's; a bug goes on.
      if (error instanceof UpshiftError) return keyless(model.engine, error)
      throw error
    }
    return {
      engine: model.engine,
      baseUrl: target.baseUrl,
      name: target.upstream,
      offMachine: model.offMachine,
      timeouts: target.timeouts,
      contextTokens: target.contextTokens,
      ...(apiKey === undefined ? {} : { apiKey }),
    }
  }

  settle(end: LeaseEnd): LeaseCost {
    return this.#grant.settle(end)
  }

  [Symbol.dispose](): void {
    this.#grant[Symbol.dispose]()
  }
}

function keyless(engine: string, cause: UpshiftError): Refusal {
  const message = `Nothing was sent to engine ${engine}, because its API key cannot be read: ${cause.message}`
  return refuse('upstream_unauthorized', message)
}

async function* refused({ problem }: Refusal): AsyncGenerator<Batch> {
  yield [answerError(problem, NOTHING_SENT)]
}

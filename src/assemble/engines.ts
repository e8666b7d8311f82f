import type { Call } from '../contract/call.ts'
import type { Batch } from '../contract/event.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ModelView } from '../contract/model.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { ExtractiveEngine } from '../engine/extractive/engine.ts'
import type { LlamaEngine } from '../engine/llama/engine.ts'
import type { OpenAiEngine } from '../engine/openai.ts'
import { type EngineKind, isEngineKind, quirksFor } from '../engine/quirks.ts'
import { answerError, NOTHING_SENT } from '../engine/reader.ts'
import type { LeaseGrant } from '../fleet/lease.ts'
import type { Kind } from '../fleet/profiles.ts'
import type { Lease } from '../request/ports.ts'

/** The engines that a lease's target may name. */
export interface Engines {
  readonly openAi: OpenAiEngine
  readonly extractive: ExtractiveEngine
  readonly llama: LlamaEngine
}

/** Kinds that the fleet knows and that speak the protocol without a bend; the compiler misses no new one. */
const PLAIN: Readonly<Record<Exclude<Kind, EngineKind>, 'generic'>> = {
  'openai-compatible': 'generic',
  together: 'generic',
}

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
    let apiKey: string | undefined
    try {
      apiKey = target.key()
    } catch (error) {
      // A key file that went away is the engine's trouble, and perhaps not the next one's; a bug goes on.
      if (error instanceof UpshiftError) return keyless(model.engine, error)
      throw error
    }
    const to = {
      engine: model.engine,
      baseUrl: target.baseUrl,
      name: target.upstream,
      quirks: quirksFor(isEngineKind(target.kind) ? target.kind : PLAIN[target.kind]),
      offMachine: model.offMachine,
      timeouts: target.timeouts,
      contextTokens: target.contextTokens,
      continues: target.continues,
      ...(apiKey === undefined ? {} : { apiKey }),
    }
    return this.#engines.openAi.generate(to, call)
  }

  settle(end: LeaseEnd): LeaseCost {
    return this.#grant.settle(end)
  }

  [Symbol.dispose](): void {
    this.#grant[Symbol.dispose]()
  }
}

async function* keyless(engine: string, cause: UpshiftError): AsyncGenerator<Batch> {
  const message = `Nothing was sent to engine ${engine}, because its API key cannot be read: ${cause.message}`
  yield [answerError({ code: 'upstream_unauthorized', message }, NOTHING_SENT)]
}

import type { Call } from '../contract/call.ts'
import type { EmbedBounds, EmbedCall, EmbedEnd } from '../contract/embed.ts'
import type { Batch } from '../contract/event.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ModelView } from '../contract/model.ts'
import { type Problem, UpshiftError } from '../contract/problem.ts'
import type { ExtractiveEngine } from '../engine/extractive/engine.ts'
import type { LlamaEngine } from '../engine/llama/engine.ts'
import type { OpenAiEngine } from '../engine/openai.ts'
import { type EngineKind, isEngineKind, type Quirks, quirksFor } from '../engine/quirks.ts'
import { answerError, NOTHING_SENT } from '../engine/reader.ts'
import type { Target } from '../engine/target.ts'
import type { LeaseGrant, Target as Place } from '../fleet/lease.ts'
import type { Kind } from '../fleet/profiles.ts'
import type { Lease } from '../request/ports.ts'

/** The engines that a lease's target may name. */
export interface Engines {
  readonly openAi: OpenAiEngine
  readonly extractive: ExtractiveEngine
  readonly llama: LlamaEngine
}

/** A part of a request that one model on this machine is asked at once: it works through it text by text. */
const LOCAL_BOUNDS: EmbedBounds = { inputs: 64, bytes: 1_048_576 }

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

  get embedBounds(): EmbedBounds {
    const { target } = this.#grant
    return target.type === 'built-in' ? LOCAL_BOUNDS : quirksOf(target).embedding.bounds
  }

  generate(call: Call): AsyncIterable<Batch> {
    const { target, model } = this.#grant
    if (target.type === 'built-in') {
      const { extractive, llama } = this.#engines
      return model.kind === 'extractive' ? extractive.generate(call) : llama.generate(target.upstream, call)
    }
    const to = this.#target(target)
    return 'code' in to ? keyless(to) : this.#engines.openAi.generate(to, call)
  }

  async embed(call: EmbedCall): Promise<EmbedEnd> {
    const { target } = this.#grant
    if (target.type === 'built-in') return this.#engines.llama.embed(target.upstream, call)
    const to = this.#target(target)
    if ('code' in to) return { type: 'failed', problem: to, usage: NOTHING_SENT }
    return this.#engines.openAi.embed(to, call)
  }

  #target(place: HttpPlace): Target | Problem {
    const { model } = this.#grant
    let apiKey: string | undefined
    try {
      apiKey = place.key()
    } catch (error) {
      // A key file that went away is the engine's trouble, and perhaps not the next one's; a bug goes on.
      if (error instanceof UpshiftError) return unreadable(model.engine, error)
      throw error
    }
    return {
      engine: model.engine,
      baseUrl: place.baseUrl,
      name: place.upstream,
      quirks: quirksOf(place),
      offMachine: model.offMachine,
      timeouts: place.timeouts,
      contextTokens: place.contextTokens,
      continues: place.continues,
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

type HttpPlace = Extract<Place, { type: 'http' }>

function quirksOf({ kind }: HttpPlace): Quirks {
  return quirksFor(isEngineKind(kind) ? kind : PLAIN[kind])
}

function unreadable(engine: string, cause: UpshiftError): Problem {
  const message = `Nothing was sent to engine ${engine}, because its API key cannot be read: ${cause.message}`
  return { code: 'upstream_unauthorized', message }
}

async function* keyless(problem: Problem): AsyncGenerator<Batch> {
  yield [answerError(problem, NOTHING_SENT)]
}

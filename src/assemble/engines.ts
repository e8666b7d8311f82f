import type { Call } from '../contract/call.ts'
import type { EmbedBounds, EmbedCall, EmbedEnd } from '../contract/embed.ts'
import type { Batch } from '../contract/event.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ModelView } from '../contract/model.ts'
import { isRefusal, type Refusal, refuse, UpshiftError } from '../contract/problem.ts'
import type { ExtractiveEngine } from '../engine/extractive/engine.ts'
import type { LlamaEngine } from '../engine/llama/engine.ts'
import type { MessagesEngine } from '../engine/messages/engine.ts'
import type { OpenAiEngine } from '../engine/openai.ts'
import { type EngineKind, isEngineKind, type Quirks, quirksFor } from '../engine/quirks.ts'
import { NOTHING_SENT, unsent } from '../engine/reader.ts'
import type { OpenAiTarget } from '../engine/target.ts'
import type { LeaseGrant, Target as Place } from '../fleet/lease.ts'
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

/** A part of a request that one model on this machine is asked at once: it works through it text by text. */
const LOCAL_BOUNDS: EmbedBounds = { inputs: 64, bytes: 1_048_576 }

/** Kinds that the fleet knows and that speak OpenAI's API without a bend; the compiler misses no new one. */
const PLAIN: Readonly<Record<Exclude<Kind, EngineKind | 'anthropic'>, 'generic'>> = {
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
    return target.type === 'built-in' ? LOCAL_BOUNDS : quirksOf(target.kind).embedding.bounds
  }

  generate(call: Call): AsyncIterable<Batch> {
    const { target, model } = this.#grant
    if (target.type === 'built-in') {
      const { extractive, llama } = this.#engines
      return model.kind === 'extractive' ? extractive.generate(call) : llama.generate(target.upstream, call)
    }
    const to = this.#target(target)
    if (isRefusal(to)) return unsent(to.problem)
    if (target.kind === 'anthropic') return this.#engines.messages.generate(to, call)
    return this.#engines.openAi.generate(to, call)
  }

  async embed(call: EmbedCall): Promise<EmbedEnd> {
    const { target, model } = this.#grant
    if (target.type === 'built-in') return this.#engines.llama.embed(target.upstream, call)
    const to = target.kind === 'anthropic' ? wordless(model) : this.#target(target)
    if (isRefusal(to)) return { type: 'failed', problem: to.problem, usage: NOTHING_SENT }
    return this.#engines.openAi.embed(to, call)
  }

  async count(call: Call): Promise<number | Refusal> {
    const { target } = this.#grant
    assert(target.type === 'http' && target.kind === 'anthropic', 'only an engine that counts is asked to')
    const to = this.#target(target)
    return isRefusal(to) ? to : this.#engines.messages.count(to, call)
  }

  #target(place: HttpPlace): OpenAiTarget | Refusal {
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
      offMachine: model.offMachine,
      timeouts: place.timeouts,
      contextTokens: place.contextTokens,
      continues: place.continues,
      apiKey,
      quirks: quirksOf(place.kind),
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

function quirksOf(kind: Kind): Quirks {
  return quirksFor(kind === 'anthropic' ? 'generic' : isEngineKind(kind) ? kind : PLAIN[kind])
}

function unreadable(engine: string, cause: UpshiftError): Refusal {
  const message = `Nothing was sent to engine ${engine}, because its API key cannot be read: ${cause.message}`
  return refuse('upstream_unauthorized', message)
}

function wordless({ engine, id }: ModelView): Refusal {
  const message = `${id} cannot embed: engine ${engine} speaks Anthropic's Messages, which has no embeddings. Name a model of another engine.`
  return refuse('invalid_request', message, { param: 'model' })
}

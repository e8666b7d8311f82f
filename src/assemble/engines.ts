import type { Call } from '../contract/call.ts'
import type { Batch } from '../contract/event.ts'
import type { ModelView } from '../contract/model.ts'
import type { ProblemCode } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import type { ExtractiveEngine } from '../engine/extractive/engine.ts'
import type { OpenAiEngine } from '../engine/openai.ts'
import { isEngineKind, quirksFor } from '../engine/quirks.ts'
import type { LeaseGrant } from '../fleet/lease.ts'
import type { Lease } from '../request/ports.ts'

/** The engines that a lease's target may name. */
export interface Engines {
  readonly openAi: OpenAiEngine
  readonly extractive: ExtractiveEngine
}

/** The fleet's lease with the engine that its target asks for: all that the path needs. */
export class BoundLease implements Lease {
  readonly type = 'lease'
  private readonly grant: LeaseGrant
  private readonly engines: Engines

  constructor(grant: LeaseGrant, engines: Engines) {
    this.grant = grant
    this.engines = engines
  }

  get replica(): string {
    return this.grant.replica
  }

  get model(): ModelView {
    return this.grant.model
  }

  get heldMicros(): number | undefined {
    return this.grant.heldMicros
  }

  generate(call: Call): AsyncIterable<Batch> {
    const { target, model } = this.grant
    if (target.type === 'built-in') return this.engines.extractive.generate(call)
    const apiKey = target.key()
    const to = {
      engine: model.engine,
      baseUrl: target.baseUrl,
      name: target.upstream,
      quirks: quirksFor(isEngineKind(target.kind) ? target.kind : 'generic'),
      timeouts: target.timeouts,
      contextTokens: target.contextTokens,
      ...(apiKey === undefined ? {} : { apiKey }),
    }
    return this.engines.openAi.generate(to, call)
  }

  settle(outcome: 'ok' | ProblemCode, usage: Usage | undefined, retryAfterMs?: number): number | undefined {
    return this.grant.settle(outcome, usage, retryAfterMs)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.grant[Symbol.asyncDispose]()
  }
}

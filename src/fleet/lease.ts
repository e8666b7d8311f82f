import type { ModelView } from '../contract/model.ts'
import type { ProblemCode } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import { assert } from '../lib/assert.ts'
import { signOf } from './breaker.ts'
import type { Timeouts } from './engines.ts'
import type { Kind } from './profiles.ts'
import type { Hold } from './spend.ts'
import { type ModelEntry, type Place, usageMicros } from './table.ts'

/** Where to send the attempt. */
export type Target =
  | {
      readonly type: 'http'
      readonly kind: Kind
      /** Up to and including `/v1`. */
      readonly baseUrl: string
      /** The key as it is now; undefined where the engine wants none. Throws where its file cannot be read. */
      readonly key: () => string | undefined
      /** What the engine calls the model. */
      readonly upstream: string
      readonly timeouts: Timeouts
      /** What the engine really reads; undefined where unknown. */
      readonly contextTokens: number | undefined
    }
  /** An engine inside this process. */
  | { readonly type: 'built-in'; readonly upstream: string }

/**
 * A replica held for one attempt: all of the path's lease but `generate`, which the engine room adds. Disposing
 * releases the place, at any moment and more than once; a lease that was never settled counts as unknown: its
 * hold stays spent.
 */
export interface LeaseGrant extends AsyncDisposable {
  readonly type: 'lease'
  readonly replica: string
  readonly model: ModelView
  readonly heldMicros: number | undefined
  readonly target: Target
  /** @param contentSeen - the engine had begun its answer: then an end without a usage is not one without a cost */
  settle(
    outcome: 'ok' | ProblemCode,
    usage: Usage | undefined,
    retryAfterMs?: number,
    contentSeen?: boolean,
  ): number | undefined
}

/** What a lease needs from the fleet around it. */
export interface LeaseHost {
  readonly elapsed: () => number
  readonly retryAfterMaxMs: number
  /** The replica's place is free again, after `busyMs`. */
  released(lease: HeldLease, busyMs: number): void
  /** The replica came or went: breaker, or asked for rest. */
  changed(lease: HeldLease): void
}

/** An engine that is busy without saying for how long rests this long. */
const REST_MS = 1_000
const HOUR_MS = 3_600_000

/**
 * Outcomes where no token was made, so that nothing is billed although nobody reported a usage: the request was
 * stopped here, or refused by the engine with a 4xx. Only where no content came before: an engine may say the same
 * in the middle of an answer, and bills what it had written. A connection that broke is not among them: what happened at
 * the other end is unknown. An engine that knows that nothing was sent reports a usage of zero tokens instead.
 */
const UNBILLED: ReadonlySet<'ok' | ProblemCode> = new Set([
  'guard_refused',
  'out_of_scope',
  'record_unavailable',
  'draining',
  'upstream_rejected',
  'context_length_exceeded',
  'upstream_rate_limited',
  'upstream_unauthorized',
])

export class HeldLease implements LeaseGrant {
  readonly type = 'lease'
  readonly entry: ModelEntry
  readonly place: Place
  readonly #hold: Hold | undefined
  readonly #host: LeaseHost
  readonly #begun: { readonly probe: boolean }
  readonly #startedAt: number
  #settled = false
  #released = false

  constructor(entry: ModelEntry, place: Place, hold: Hold | undefined, host: LeaseHost) {
    this.entry = entry
    this.place = place
    this.#hold = hold
    this.#host = host
    this.#startedAt = host.elapsed()
    this.#begun = place.replica.breaker.begin(this.#startedAt)
    place.replica.inFlight++
  }

  get replica(): string {
    return this.place.replica.id
  }

  get model(): ModelView {
    return this.entry.view
  }

  get heldMicros(): number | undefined {
    return this.#hold?.micros
  }

  get target(): Target {
    const { engine, view } = this.entry
    const { upstream, replica } = this.place
    if (!engine) return { type: 'built-in', upstream }
    const { kind, timeouts } = engine.spec
    const key = (): string | undefined => engine.spec.key?.()
    return {
      type: 'http',
      kind,
      baseUrl: replica.baseUrl,
      key,
      upstream,
      timeouts,
      contextTokens: view.contextTokens,
    }
  }

  settle(
    outcome: 'ok' | ProblemCode,
    usage: Usage | undefined,
    retryAfterMs?: number,
    contentSeen?: boolean,
  ): number | undefined {
    assert(!this.#settled, 'a lease is settled once')
    this.#settled = true
    const now = this.#host.elapsed()
    const { replica } = this.place
    const sign = signOf(outcome)
    const rest = retryAfterMs ?? (sign === 'busy' ? REST_MS : 0)
    const asked = (sign === 'busy' || sign === 'bad') && rest > 0
    if (asked) replica.holdOff(now + Math.min(rest, this.#host.retryAfterMaxMs))
    const turned = replica.breaker.end(this.#begun, sign, now)
    const cost = this.#cost(outcome, usage, contentSeen === true, now)
    if (this.#hold) this.entry.engine?.spend.settle(this.#hold, cost)
    if (turned || asked) this.#host.changed(this)
    return cost
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#settled) this.settle('internal', undefined)
    if (!this.#released) {
      this.#released = true
      this.place.replica.inFlight--
      this.#host.released(this, this.#host.elapsed() - this.#startedAt)
    }
    return Promise.resolve()
  }

  /** By tokens where the model has a price, else by the hour: the share of the replica that was busy with it. */
  #cost(
    outcome: 'ok' | ProblemCode,
    usage: Usage | undefined,
    contentSeen: boolean,
    now: number,
  ): number | undefined {
    const engine = this.entry.engine
    if (this.entry.view.price) {
      if (usage) return usageMicros(this.entry, usage)
      return UNBILLED.has(outcome) && !contentSeen ? 0 : undefined
    }
    if (engine?.spec.hourlyUsd === undefined) return undefined
    const share = (now - this.#startedAt) / HOUR_MS / this.place.replica.maxConcurrent
    return Math.ceil(engine.spec.hourlyUsd * 1_000_000 * share)
  }
}

import type { Hold as PurseHold } from '../contract/budget.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ContinueStyle, ModelView } from '../contract/model.ts'
import { assert } from '../lib/assert.ts'
import { signOf } from './breaker.ts'
import { costOf, type Worst } from './cost.ts'
import type { Timeouts } from './engines.ts'
import type { Kind } from './profiles.ts'
import type { Hold } from './spend.ts'
import type { ModelEntry, Place } from './table.ts'

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
      readonly continues: ContinueStyle | undefined
    }
  /** An engine inside this process. */
  | { readonly type: 'built-in'; readonly upstream: string }

/**
 * A replica held for one attempt: all of the path's lease but `generate`, which the engine room adds. Disposing
 * releases the place, at any moment and more than once; a lease that was never settled counts as unknown: its
 * hold stays spent.
 */
export interface LeaseGrant extends Disposable {
  readonly type: 'lease'
  readonly replica: string
  readonly model: ModelView
  readonly heldMicros: number | undefined
  readonly heldTokens: number
  readonly target: Target
  settle(end: LeaseEnd): LeaseCost
}

/** What is reserved for one attempt. */
export interface Holds {
  readonly worst: Worst
  /** In the engine's day, under its cap where it has one; undefined where no price bounds the attempt. */
  readonly engine: Hold | undefined
  readonly purse: PurseHold
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

const NO_KEY = (): undefined => undefined

/** An engine that is busy without saying for how long rests this long. */
const REST_MS = 1_000
export class HeldLease implements LeaseGrant {
  readonly type = 'lease'
  readonly entry: ModelEntry
  readonly place: Place
  readonly #holds: Holds
  readonly #host: LeaseHost
  readonly #begun: { readonly probe: boolean }
  readonly #startedAt: number
  #settled = false
  #released = false

  constructor(entry: ModelEntry, place: Place, holds: Holds, host: LeaseHost, now: number) {
    this.entry = entry
    this.place = place
    this.#holds = holds
    this.#host = host
    this.#startedAt = now
    this.#begun = place.replica.breaker.begin(now)
    place.replica.inFlight++
  }

  get replica(): string {
    return this.place.replica.id
  }

  get model(): ModelView {
    return this.entry.view
  }

  get heldMicros(): number | undefined {
    return this.#holds.worst.micros
  }

  get heldTokens(): number {
    return this.#holds.worst.tokens
  }

  get target(): Target {
    const { engine, view } = this.entry
    const { upstream, replica } = this.place
    if (!engine) return { type: 'built-in', upstream }
    const { continues, key = NO_KEY, kind, timeouts } = engine.spec
    return {
      type: 'http',
      kind,
      baseUrl: replica.baseUrl,
      key,
      upstream,
      timeouts,
      contextTokens: view.contextTokens,
      continues,
    }
  }

  settle(end: LeaseEnd): LeaseCost {
    assert(!this.#settled, 'a lease is settled once')
    this.#settled = true
    const now = this.#host.elapsed()
    const { replica } = this.place
    const { outcome, retryAfterMs } = end
    const sign = signOf(outcome)
    const rest = retryAfterMs ?? (sign === 'busy' ? REST_MS : 0)
    const asked = (sign === 'busy' || sign === 'bad') && rest > 0
    if (asked) replica.holdOff(now + Math.min(rest, this.#host.retryAfterMaxMs))
    const turned = replica.breaker.end(this.#begun, sign, now)
    const cost = costOf(this.entry, this.place, this.#holds.worst, end, now - this.#startedAt)
    this.#pay(cost)
    if (turned || asked) this.#host.changed(this)
    return cost
  }

  [Symbol.dispose](): void {
    if (!this.#settled) this.settle({ outcome: 'internal', contentSeen: false })
    if (!this.#released) {
      this.#released = true
      this.place.replica.inFlight--
      this.#host.released(this, this.#host.elapsed() - this.#startedAt)
    }
  }

  /** The same cost in the engine's day and against the caller's purse. */
  #pay({ costMicros, usage }: LeaseCost): void {
    const { engine, purse } = this.#holds
    if (engine !== undefined) this.entry.engine?.spend.settle(engine, costMicros)
    const spent = usage === undefined ? undefined : usage.promptTokens + usage.completionTokens
    // Nothing was billed: then nothing was read either.
    const tokens = costMicros === 0 && spent === undefined ? 0 : spent
    purse.settle({ costMicros, tokens })
  }
}

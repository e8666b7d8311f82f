import { Breaker, type BreakerState } from './breaker.ts'
import type { BreakerConfig } from './config.ts'
import type { ListedModel, ListingMemory } from './listing/ask.ts'

/** `unknown`: not asked yet, or it has no list of models; the breaker learns the rest. */
export type Reach =
  | { readonly state: 'unknown' }
  | { readonly state: 'up' }
  | { readonly state: 'down'; readonly why: string }

export interface ReplicaView {
  readonly id: string
  readonly url: string
  readonly reach: Reach
  readonly breaker: BreakerState
  readonly inFlight: number
  readonly maxConcurrent: number
  /** Milliseconds until it may take a request again; 0 where it may. */
  readonly backInMs: number
}

/** One address that serves an engine's models. Times are monotonic milliseconds. */
export class Replica {
  /** Fit for logs and metrics: the engine's name, with the host where the engine has several. */
  readonly id: string
  readonly baseUrl: string
  readonly breaker: Breaker
  readonly memory: ListingMemory = new Map()
  maxConcurrent: number
  inFlight = 0
  reach: Reach = { state: 'unknown' }
  /** By public name; undefined where the server has no list or has not been asked. */
  listed: ReadonlyMap<string, ListedModel> | undefined
  #heldOffUntil = 0

  constructor(
    id: string,
    url: string,
    settings: { maxConcurrent: number; breaker: BreakerConfig; random: () => number },
  ) {
    this.id = id
    this.baseUrl = url
    this.maxConcurrent = settings.maxConcurrent
    this.breaker = new Breaker(settings.breaker, settings.random)
  }

  /** The engine asked for time: nothing is sent until then. */
  holdOff(untilMs: number): void {
    this.#heldOffUntil = Math.max(this.#heldOffUntil, untilMs)
  }

  /** True where a request could be sent, a free place or not. */
  usable(now: number): boolean {
    return this.reach.state !== 'down' && now >= this.#heldOffUntil && this.breaker.admits(now)
  }

  /** True while a half-open breaker's single probe is on its way. */
  probing(now: number): boolean {
    return this.breaker.state(now) === 'half-open' && !this.breaker.admits(now)
  }

  get free(): boolean {
    return this.inFlight < this.maxConcurrent
  }

  /** Milliseconds until it may take a request again, as far as time alone decides. */
  backInMs(now: number): number {
    const open = this.breaker.state(now) === 'open' ? this.breaker.openUntil - now : 0
    return Math.max(0, Math.ceil(Math.max(open, this.#heldOffUntil - now)))
  }

  /** Why it cannot take a request, in words; undefined where it can. */
  obstacle(now: number): string | undefined {
    if (this.reach.state === 'down') return this.reach.why
    const backInMs = this.backInMs(now)
    if (now < this.#heldOffUntil) return `it asked for ${seconds(backInMs)} of rest`
    if (this.breaker.state(now) === 'open') return `it failed repeatedly; next try in ${seconds(backInMs)}`
    return this.breaker.admits(now) ? undefined : 'it failed repeatedly; a probe is on its way'
  }

  view(now: number): ReplicaView {
    return {
      id: this.id,
      url: this.baseUrl,
      reach: this.reach,
      breaker: this.breaker.state(now),
      inFlight: this.inFlight,
      maxConcurrent: this.maxConcurrent,
      backInMs: this.backInMs(now),
    }
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

import type { ProblemCode } from '../contract/problem.ts'
import type { BreakerConfig } from './config.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * What an attempt's outcome says about the replica: `good` it worked, `answered` it is alive but the request was
 * refused, `bad` it failed, `busy` it asked for time, `none` nothing (the caller left, or we stopped it).
 */
type Sign = 'good' | 'answered' | 'bad' | 'busy' | 'none'

const SIGNS: Partial<Record<'ok' | ProblemCode, Sign>> = {
  ok: 'good',
  // The engine did its part; what it said was not good enough.
  schema_unmet: 'good',
  tool_arguments_invalid: 'good',
  dimensions_unmet: 'good',
  answer_too_large: 'good',
  output_refused: 'good',
  upstream_rejected: 'answered',
  context_length_exceeded: 'answered',
  upstream_rate_limited: 'busy',
  upstream_overloaded: 'busy',
  upstream_unreachable: 'bad',
  upstream_timeout: 'bad',
  upstream_failed: 'bad',
  upstream_garbled: 'bad',
  upstream_unauthorized: 'bad',
}

export function signOf(outcome: 'ok' | ProblemCode): Sign {
  return SIGNS[outcome] ?? 'none'
}

const ORDINARY = { probe: false } as const
const PROBE = { probe: true } as const

const JITTER_FROM = 0.5
const DOUBLINGS = 20

/**
 * DESIGN. One breaker a replica. Closed: counts consecutive failures, and failures and successes in two halves
 * of a sliding window; either bound opens it. Open: takes nothing until the cool-down is over, which doubles with
 * each opening since the last success, up to a bound, times a random share of 0.5–1 so that replicas do not come
 * back in step. Half-open: one probe at a time decides. Time is a monotonic clock in milliseconds.
 * Source: M. Nygard, Release It!, "Circuit Breaker"; the jitter is AWS's "equal jitter".
 */
export class Breaker {
  readonly #config: BreakerConfig
  readonly #random: () => number
  #state: BreakerState = 'closed'
  #consecutive = 0
  #openings = 0
  #openUntil = 0
  #probing = false
  #half = { startedAt: 0, good: 0, bad: 0 }
  #before = { good: 0, bad: 0 }

  constructor(config: BreakerConfig, random: () => number) {
    this.#config = config
    this.#random = random
  }

  state(now: number): BreakerState {
    return this.#state === 'open' && now >= this.#openUntil ? 'half-open' : this.#state
  }

  /** When an open breaker lets the next probe through, on the same clock. */
  get openUntil(): number {
    return this.#openUntil
  }

  /** True where a request may be sent now. */
  admits(now: number): boolean {
    const state = this.state(now)
    return state === 'closed' || (state === 'half-open' && !this.#probing)
  }

  /** A request is on its way: in half-open it is the probe, and the caller must say how it ended. */
  begin(now: number): { readonly probe: boolean } {
    if (this.state(now) !== 'half-open') return ORDINARY
    this.#state = 'half-open'
    this.#probing = true
    return PROBE
  }

  /** How a request that began went. True where the state changed. */
  end(begun: { readonly probe: boolean }, sign: Sign, now: number): boolean {
    if (begun.probe) this.#probing = false
    const was = this.#state
    if (sign === 'bad') this.#fail(begun.probe, now)
    else if (sign === 'good' || (sign === 'answered' && begun.probe)) this.#succeed(begun.probe, now)
    return was !== this.#state || begun.probe
  }

  #succeed(probe: boolean, now: number): void {
    this.#consecutive = 0
    // A late success of a request from before the opening says nothing about now.
    if (this.#state !== 'closed' && !probe) return
    this.#openings = 0
    if (this.#state !== 'closed') this.#forget(now)
    this.#state = 'closed'
    this.#roll(now)
    this.#half.good++
  }

  #fail(probe: boolean, now: number): void {
    this.#consecutive++
    this.#roll(now)
    this.#half.bad++
    if (this.#state !== 'closed') {
      if (probe) this.#open(now)
      return
    }
    const bad = this.#half.bad + this.#before.bad
    const all = bad + this.#half.good + this.#before.good
    const { failures, minRequests, failureShare } = this.#config
    if (this.#consecutive >= failures || (all >= minRequests && bad / all >= failureShare)) this.#open(now)
  }

  #open(now: number): void {
    const { coolDownMs, coolDownMaxMs } = this.#config
    const longest = Math.min(coolDownMaxMs, coolDownMs * 2 ** Math.min(this.#openings, DOUBLINGS))
    this.#openings++
    this.#openUntil = now + longest * (JITTER_FROM + (1 - JITTER_FROM) * this.#random())
    this.#state = 'open'
  }

  #roll(now: number): void {
    const halfMs = this.#config.windowMs / 2
    const past = now - this.#half.startedAt
    if (past < halfMs) return
    this.#before = past < 2 * halfMs ? { good: this.#half.good, bad: this.#half.bad } : { good: 0, bad: 0 }
    this.#half = { startedAt: now, good: 0, bad: 0 }
  }

  #forget(now: number): void {
    this.#half = { startedAt: now, good: 0, bad: 0 }
    this.#before = { good: 0, bad: 0 }
  }
}

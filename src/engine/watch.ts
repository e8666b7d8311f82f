import type { Clock } from '../lib/clock.ts'
import type { Timeouts } from './target.ts'

/** After its last finish_reason an answer waits this long for usage and the end mark, then counts as whole. */
const TAIL_MS = 5_000
/** The longest that a Node timer can be set for. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** `tail` follows the last finish_reason; `deadline` is the whole request's. */
export type Phase = 'connect' | 'first token' | 'between tokens' | 'tail' | 'deadline'

/**
 * The time limits of one call, with one timer. A token only notes the time; the timer looks when it fires, and is
 * set again for what is left. So a stream of a thousand tokens costs a thousand clock readings and not a
 * thousand timers.
 */
export class PhaseWatch {
  readonly #clock: Clock
  readonly #limits: Timeouts
  readonly #deadline: number
  readonly #streams: boolean
  readonly #expired: (phase: Phase, limitMs: number) => void
  readonly #startedAt: number
  #phase: Phase = 'connect'
  #since: number
  #paused = false
  #timer: NodeJS.Timeout | undefined
  /** When the timer fires. */
  #firesAt = Number.POSITIVE_INFINITY

  /**
   * @param deadline - on the clock's monotonic scale
   * @param streams - whether tokens come one by one; a whole answer has no first token to wait for
   * @param expired - called at most once, with the phase and its limit
   */
  constructor(
    clock: Clock,
    limits: Timeouts,
    deadline: number,
    streams: boolean,
    expired: (phase: Phase, limitMs: number) => void,
  ) {
    this.#clock = clock
    this.#limits = limits
    this.#deadline = deadline
    this.#streams = streams
    this.#expired = expired
    this.#startedAt = clock.elapsed()
    this.#since = this.#startedAt
    this.#arm()
  }

  connected(): void {
    if (this.#phase === 'connect') this.#enter('first token')
  }

  /** Content has come: a token, or a read of a whole answer's body. */
  token(): void {
    this.#since = this.#clock.elapsed()
    if (this.#phase === 'connect' || this.#phase === 'first token') this.#enter('between tokens')
  }

  finished(): void {
    this.#enter('tail')
  }

  /** We ourselves hold the engine back: its silence does not count. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#since = this.#clock.elapsed()
    this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#firesAt = Number.NEGATIVE_INFINITY // nothing is due before that: never armed again
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#since = this.#clock.elapsed()
    this.#arm()
  }

  /** Sets the timer anew only where it would fire too late; where it fires too early it looks again. */
  #arm(): void {
    const due = this.#due()
    if (due >= this.#firesAt) return
    clearTimeout(this.#timer)
    const leftMs = Math.min(Math.ceil(due - this.#clock.elapsed()), TIMER_MAX_MS)
    this.#firesAt = due
    this.#timer = setTimeout(this.#fire, Math.max(leftMs, 0))
  }

  readonly #fire = (): void => {
    this.#firesAt = Number.POSITIVE_INFINITY
    if (this.#clock.elapsed() < this.#due()) this.#arm()
    else if (this.#phaseEndsAt() < this.#deadline) this.#expired(this.#phase, this.#limitMs())
    else this.#expired('deadline', Math.max(Math.round(this.#deadline - this.#startedAt), 0))
  }

  /** When the next limit is reached. */
  #due(): number {
    return Math.min(this.#phaseEndsAt(), this.#deadline)
  }

  #phaseEndsAt(): number {
    if (this.#paused) return Number.POSITIVE_INFINITY
    const from = this.#phase === 'first token' ? this.#startedAt : this.#since
    return from + this.#limitMs()
  }

  #limitMs(): number {
    const { connectMs, firstTokenMs, betweenTokensMs } = this.#limits
    if (this.#phase === 'connect') return this.#streams ? Math.min(connectMs, firstTokenMs) : connectMs
    if (this.#phase === 'first token') return this.#streams ? firstTokenMs : Number.POSITIVE_INFINITY
    return this.#phase === 'tail' ? Math.min(betweenTokensMs, TAIL_MS) : betweenTokensMs
  }
}

import type { Need } from '../contract/need.ts'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { timedOut } from '../lib/timed-out.ts'
import type { LeaseGrant } from './lease.ts'
import type { Placed } from './placement.ts'

const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000

interface Waiter {
  readonly need: Need
  finish(result: LeaseGrant | Refusal): void
}

export interface LineSettings {
  readonly limit: number
  readonly maxWaitMs: number
  readonly clock: Clock
  /** How long one request occupies a place now, shared among the places: for Retry-After. */
  readonly turnMs: () => number
}

/**
 * The queue before busy replicas: first come, first served among those who want the same replica, bounded in
 * number and in time. Who leaves (abort, deadline) leaves at once.
 */
export class Line {
  readonly #settings: LineSettings
  readonly #waiters = new Set<Waiter>()

  constructor(settings: LineSettings) {
    this.#settings = settings
  }

  get length(): number {
    return this.#waiters.size
  }

  /** Waits for a place, or refuses: queue_full, queue_timeout, client_closed. */
  wait(need: Need, model: string): Promise<LeaseGrant | Refusal> {
    const { limit, maxWaitMs, clock } = this.#settings
    const retryAfterMs = this.#retryAfterMs()
    if (this.#waiters.size >= limit) {
      return Promise.resolve(
        refuse(
          'queue_full',
          `Every replica of ${model} is busy and ${limit} requests wait already. Try again in ` +
            `${Math.ceil(retryAfterMs / 1_000)} s, add a replica, or raise fleet.queue.limit.`,
          { retryAfterMs },
        ),
      )
    }
    const since = clock.elapsed()
    const waitMs = Math.min(maxWaitMs, need.deadline - since)
    return new Promise((resolve) => {
      const leave = (): void =>
        waiter.finish(
          timedOut(need.signal)
            ? tooLate(model, clock.elapsed() - since, retryAfterMs)
            : refuse('client_closed', 'The caller left while it waited.'),
        )
      const waiter: Waiter = {
        need,
        finish: (result) => {
          clearTimeout(timer)
          need.signal.removeEventListener('abort', leave)
          this.#waiters.delete(waiter)
          resolve(result)
        },
      }
      const timer = setTimeout(() => waiter.finish(tooLate(model, waitMs, retryAfterMs)), Math.max(0, waitMs))
      need.signal.addEventListener('abort', leave, { once: true })
      this.#waiters.add(waiter)
    })
  }

  /**
   * Offers what has become free to those who wait, in their order. With `one`, a single place came free and the
   * first who takes it ends the round; else everyone is asked, because a replica came or went.
   */
  pump(place: (need: Need) => Placed, one: boolean): void {
    if (this.#waiters.size === 0) return
    for (const waiter of [...this.#waiters]) {
      const placed = place(waiter.need)
      if (placed.type === 'busy') continue
      waiter.finish(placed)
      if (one && placed.type === 'lease') return
    }
  }

  /** Sends everyone away: the server stops. */
  close(): void {
    for (const waiter of [...this.#waiters]) {
      waiter.finish(refuse('draining', 'The server is stopping. Send the request again in a moment.'))
    }
  }

  #retryAfterMs(): number {
    const estimate = this.#settings.turnMs() * (this.#waiters.size + 1)
    return Math.min(RETRY_MAX_MS, Math.max(RETRY_MIN_MS, Math.ceil(estimate)))
  }
}

function tooLate(model: string, waitMs: number, retryAfterMs: number): Refusal {
  const waited = Math.max(0, Math.round(waitMs))
  return refuse(
    'queue_timeout',
    `No replica of ${model} came free within ${waited} ms. Try again in ${Math.ceil(retryAfterMs / 1_000)} s, ` +
      'allow more time, or add a replica.',
    { retryAfterMs },
  )
}

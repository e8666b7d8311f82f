/**
 * A retry budget: retries may be at most `share` of the requests, so that a fleet in trouble is not made
 * worse by its own clients. A token bucket: each request puts in its share, each retry takes one out.
 * Source: the retry throttle of gRPC (gRFC A6) and the retry budget of Finagle.
 */
const BURST_TOKENS = 10

export class RetryBudget {
  readonly #share: number
  #tokens = BURST_TOKENS

  constructor(share: number) {
    this.#share = share
  }

  request(): void {
    this.#tokens = Math.min(BURST_TOKENS, this.#tokens + this.#share)
  }

  /** True, and paid for, where a retry may be made. */
  take(): boolean {
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

/** Exponential back-off with full jitter, in milliseconds. `turn` is 1 for the first retry. */
export function backoffMs(turn: number, baseMs: number, maxMs: number, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** (turn - 1))
}

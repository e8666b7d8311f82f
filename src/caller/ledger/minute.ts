const SECONDS = 60

/** One second of a minute that had something in it. */
export interface Second {
  /** Seconds since the epoch. */
  readonly second: number
  readonly requests: number
  readonly tokens: number
}

/**
 * A sliding minute in buckets of one second: what happened in the current second and the 59 before it. A second
 * that lies shortly before the newest one seen counts as the newest. One that lies a minute or more before it comes
 * from a clock that was set back (the live ledger's never is): the minute begins anew there.
 */
export class Minute {
  readonly #requests: number[] = new Array<number>(SECONDS).fill(0)
  readonly #tokens: number[] = new Array<number>(SECONDS).fill(0)
  #newest = 0
  #requestSum = 0
  #tokenSum = 0

  add(second: number, requests: number, tokens: number): void {
    this.#advance(second)
    const bucket = this.#newest % SECONDS
    this.#requests[bucket] = this.#at(this.#requests, bucket) + requests
    this.#tokens[bucket] = this.#at(this.#tokens, bucket) + tokens
    this.#requestSum += requests
    this.#tokenSum += tokens
  }

  requests(second: number): number {
    this.#advance(second)
    return this.#requestSum
  }

  tokens(second: number): number {
    this.#advance(second)
    return this.#tokenSum
  }

  /** Seconds until so many requests have slid out; undefined where the minute holds fewer. */
  secondsUntilRequestsFree(wanted: number, second: number): number | undefined {
    return this.#secondsUntilFree(this.#requests, wanted, second)
  }

  /** Seconds until so many tokens have slid out; undefined where the minute holds fewer. */
  secondsUntilTokensFree(wanted: number, second: number): number | undefined {
    return this.#secondsUntilFree(this.#tokens, wanted, second)
  }

  /** What the minute that ends with this second holds, the oldest first. Changes nothing. */
  seconds(second: number): Second[] {
    const found: Second[] = []
    const last = Math.max(second, this.#newest)
    for (let at = Math.max(last - SECONDS + 1, this.#newest - SECONDS + 1, 0); at <= this.#newest; at++) {
      const requests = this.#at(this.#requests, at % SECONDS)
      const tokens = this.#at(this.#tokens, at % SECONDS)
      if (requests > 0 || tokens > 0) found.push({ second: at, requests, tokens })
    }
    return found
  }

  #secondsUntilFree(buckets: readonly number[], wanted: number, second: number): number | undefined {
    this.#advance(second)
    let freed = 0
    for (let at = this.#newest - SECONDS + 1; at <= this.#newest; at++) {
      if (at >= 0) freed += this.#at(buckets, at % SECONDS)
      if (freed >= wanted) return at + SECONDS - this.#newest
    }
    return undefined
  }

  #advance(second: number): void {
    const apart = second - this.#newest
    if (apart <= 0 && apart > -SECONDS) return
    const steps = Math.min(SECONDS, Math.abs(apart))
    for (let step = 1; step <= steps; step++) {
      const bucket = (this.#newest + step) % SECONDS
      this.#requestSum -= this.#at(this.#requests, bucket)
      this.#tokenSum -= this.#at(this.#tokens, bucket)
      this.#requests[bucket] = 0
      this.#tokens[bucket] = 0
    }
    this.#newest = second
  }

  #at(buckets: readonly number[], bucket: number): number {
    return buckets[bucket] ?? 0
  }
}

import { dayEndsAt, dayOf } from '../lib/utc.ts'

/*
 * DESIGN. The daily cap of one engine, in integer micro-dollars of the UTC day. The worst case of an attempt is
 * held before it starts; `spent + held` never exceeds the cap when a hold is taken. At the end a known cost
 * replaces the hold; where the cost is unknown (the connection broke, the caller left, the engine reported no
 * usage) the hold stays spent, because the provider may bill it, and is counted in `unknownMicros`. A provider
 * that bills more than the worst case is charged in full and the excess counted in `excessMicros`. Holds that
 * live over midnight count against the new day, to which they settle. All of it is synchronous: two requests
 * cannot both take the last cent.
 */
export interface Hold {
  readonly micros: number
}

export interface SpendView {
  readonly spentMicros: number
  readonly heldMicros: number
  /** Of what is spent: worst cases whose true cost nobody stated. */
  readonly unknownMicros: number
  /** Of what is spent: what went beyond the worst case that was held. */
  readonly excessMicros: number
}

export class DailySpend {
  readonly #now: () => number
  #day = 0
  #spent = 0
  #held = 0
  #unknown = 0
  #excess = 0

  /** `now` in milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now
    this.#day = dayOf(now())
  }

  /** Holds the worst case, or undefined where the cap does not leave that much. */
  reserve(worstMicros: number, capMicros: number): Hold | undefined {
    if (!this.fits(worstMicros, capMicros)) return undefined
    this.#held += worstMicros
    return { micros: worstMicros }
  }

  fits(worstMicros: number, capMicros: number): boolean {
    // Nothing to look up where nothing caps: what is spent finds its day when it is.
    if (capMicros === Number.POSITIVE_INFINITY) return true
    this.#roll()
    return this.#spent + this.#held + worstMicros <= capMicros
  }

  /** Ends a hold, once, with the true cost, or undefined where nobody knows it. */
  settle(hold: Hold, costMicros: number | undefined): void {
    this.#roll()
    this.#held -= hold.micros
    if (costMicros === undefined) {
      this.#spent += hold.micros
      this.#unknown += hold.micros
      return
    }
    this.#spent += costMicros
    this.#excess += Math.max(0, costMicros - hold.micros)
  }

  /** What was spent today before this process started, from the log. */
  restore(spentMicros: number): void {
    this.#roll()
    this.#spent += spentMicros
  }

  view(): SpendView {
    this.#roll()
    return {
      spentMicros: this.#spent,
      heldMicros: this.#held,
      unknownMicros: this.#unknown,
      excessMicros: this.#excess,
    }
  }

  /** Milliseconds until the next UTC midnight. */
  resetsInMs(): number {
    const now = this.#now()
    return dayEndsAt(dayOf(now)) - now
  }

  #roll(): void {
    const day = dayOf(this.#now())
    // A clock that was set back must not hand out a second cap for a day that has been spent.
    if (day <= this.#day) return
    this.#day = day
    this.#spent = 0
    this.#unknown = 0
    this.#excess = 0
  }
}

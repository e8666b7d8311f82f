import { dayEndsAt, dayOf, minuteText } from '../../lib/utc.ts'
import { usdText } from '../usd.ts'

export interface ExplorationLimits {
  /** What the further arm of experiments may cost in a UTC day. */
  readonly microsPerDay: number
  /** Of a day's requests, those that may be drawn: a cap beside the chance of each. */
  readonly shareOfRequests: number
}

export interface ExplorationState {
  readonly day: number
  readonly requests: number
  readonly drawn: number
  readonly micros: number
}

/**
 * What experiments may cost: so many micro-dollars and such a share of requests a UTC day. `room` is asked before the
 * lot is drawn, so that a request without room has a chance of 0 and does not bend the estimate; what is drawn holds its
 * worst case and is settled at its cost. A clock that was set back goes on in the day that it had reached.
 */
export class Exploration {
  readonly #limits: ExplorationLimits
  #day: number
  #requests: number
  #drawn: number
  #micros: number

  /** Throws where a limit cannot hold. */
  constructor(limits: ExplorationLimits, state?: ExplorationState) {
    if (!(limits.microsPerDay >= 0))
      throw new Error(`microsPerDay is ${limits.microsPerDay}: it must be 0 or more micro-dollars`)
    if (!(limits.shareOfRequests >= 0 && limits.shareOfRequests <= 1))
      throw new Error(`shareOfRequests is ${limits.shareOfRequests}: it must be from 0 to 1`)
    this.#limits = limits
    this.#day = state?.day ?? 0
    this.#requests = state?.requests ?? 0
    this.#drawn = state?.drawn ?? 0
    this.#micros = state?.micros ?? 0
  }

  /** Counts a request, and says whether it may be drawn: true, or why not. */
  room(worstCaseMicros: number, nowMs: number): true | string {
    this.#turnTo(dayOf(nowMs))
    this.#requests += 1
    const again = minuteText(dayEndsAt(this.#day))
    if (!(worstCaseMicros >= 0)) return 'nobody knows what the trial would cost at most'
    if (this.#micros + worstCaseMicros > this.#limits.microsPerDay) {
      const left = usdText(Math.max(0, this.#limits.microsPerDay - this.#micros))
      return `${left} of the day's ${usdText(this.#limits.microsPerDay)} for trials are left, and it may cost ${usdText(worstCaseMicros)}; again from ${again}`
    }
    const share = this.#limits.shareOfRequests
    // Of few requests none: the share holds at each moment of the day, and says nothing of who comes next.
    if (this.#drawn + 1 > share * this.#requests)
      return `${this.#drawn} of the day's ${this.#requests} requests were drawn, and at most ${Number((100 * share).toFixed(1))} % may be`
    return true
  }

  /** The request was drawn: its worst case is held. */
  draw(worstCaseMicros: number, nowMs: number): ExplorationHold {
    this.#turnTo(dayOf(nowMs))
    this.#drawn += 1
    this.#micros += worstCaseMicros
    return { day: this.#day, micros: worstCaseMicros }
  }

  /** Undefined cost: nobody knows it, and the whole hold stays spent. Once for each hold. */
  settle(hold: ExplorationHold, costMicros: number | undefined): void {
    if (hold.day !== this.#day || costMicros === undefined) return
    this.#micros += costMicros - hold.micros
  }

  state(): ExplorationState {
    return { day: this.#day, requests: this.#requests, drawn: this.#drawn, micros: this.#micros }
  }

  #turnTo(day: number): void {
    if (day <= this.#day) return
    this.#day = day
    this.#requests = 0
    this.#drawn = 0
    this.#micros = 0
  }
}

export interface ExplorationHold {
  readonly day: number
  readonly micros: number
}

import type { Hold, HoldEnd, Limits, WorstCase } from '../../contract/budget.ts'
import type { Refusal } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { dayOf } from '../../lib/utc.ts'
import type { Account, Figures } from './account.ts'
import {
  type Budget,
  budgetSpent,
  budgetTooSmall,
  tooManyOpen,
  tooManyRequests,
  tooManyTokens,
} from './refusal.ts'

/** One key at this moment. Money is in integer micro-dollars of the current UTC day and month. */
export interface LedgerView {
  readonly key: string
  readonly today: Figures
  readonly thisMonth: Figures
  readonly heldMicros: number
  /** Requests under way. */
  readonly openRequests: number
  readonly requestsLastMinute: number
  /** What is held for attempts under way included. */
  readonly tokensLastMinute: number
}

/** One key: what it has spent, and what is open. */
export class Wallet {
  readonly key: string
  readonly account: Account
  readonly #time: LedgerTime
  #visits = 0
  #holds = 0
  #heldMicros = 0
  #heldTokens = 0

  constructor(key: string, account: Account, time: LedgerTime) {
    this.key = key
    this.account = account
    this.#time = time
  }

  /** Takes a place among the concurrent requests, and one in the minute. */
  admit(limits: Limits): Refusal | undefined {
    const spent = this.#spentWhole(limits)
    if (spent !== undefined) return spent
    const { concurrentRequests, requestsPerMinute } = limits
    if (concurrentRequests !== undefined && this.#visits >= concurrentRequests) {
      return tooManyOpen(this.key, concurrentRequests)
    }
    const { minute } = this.account
    const second = this.#time.second()
    if (requestsPerMinute !== undefined) {
      const over = minute.requests(second) + 1 - requestsPerMinute
      // More than nothing has to slide out, so the minute holds it, unless the limit is below one request.
      const waitSeconds = over > 0 ? minute.secondsUntilRequestsFree(over, second) : undefined
      if (waitSeconds !== undefined) return tooManyRequests(this.key, requestsPerMinute, waitSeconds)
    }
    this.#visits += 1
    minute.add(second, 1, 0)
    return undefined
  }

  leave(): void {
    this.#visits -= 1
  }

  /** Money and tokens together, or neither. */
  reserve(worst: WorstCase, limits: Limits): Hold | Refusal {
    const micros = worst.micros ?? 0
    const { tokens } = worst
    assert(Number.isSafeInteger(micros) && micros >= 0, 'a worst case is a whole number of micro-dollars')
    assert(Number.isSafeInteger(tokens) && tokens >= 0, 'a worst case is a whole number of tokens')
    const nowMs = micros > 0 ? this.#time.nowMs() : 0
    const refusal = this.#tooDear(micros, limits, nowMs) ?? this.#tooLong(tokens, limits.tokensPerMinute)
    if (refusal !== undefined) return refusal
    this.account.begin(micros, nowMs)
    this.#holds += 1
    this.#heldMicros += micros
    this.#heldTokens += tokens
    return new Held(this, micros, tokens)
  }

  end(heldMicros: number, heldTokens: number, { costMicros, tokens }: HoldEnd): void {
    assert(
      costMicros === undefined || (Number.isSafeInteger(costMicros) && costMicros >= 0),
      'a cost is whole',
    )
    this.#holds -= 1
    this.#heldMicros -= heldMicros
    this.#heldTokens -= heldTokens
    this.account.end(heldMicros, costMicros, this.#time.nowMs())
    this.account.minute.add(this.#time.second(), 0, tokens ?? heldTokens)
  }

  get empty(): boolean {
    const busy = this.#visits > 0 || this.#holds > 0
    return !busy && this.account.forgettable(dayOf(this.#time.nowMs()), this.#time.second())
  }

  view(): LedgerView {
    const day = dayOf(this.#time.nowMs())
    const second = this.#time.second()
    return {
      key: this.key,
      today: this.account.today(day),
      thisMonth: this.account.thisMonth(day),
      heldMicros: this.#heldMicros,
      openRequests: this.#visits,
      requestsLastMinute: this.account.minute.requests(second),
      tokensLastMinute: this.account.minute.tokens(second) + this.#heldTokens,
    }
  }

  #spentWhole({ microsPerDay, microsPerMonth }: Limits): Refusal | undefined {
    if (microsPerDay === undefined && microsPerMonth === undefined) return undefined
    const nowMs = this.#time.nowMs()
    const day = dayOf(nowMs)
    // The month first: where both are spent, waiting for tomorrow would not help.
    if (microsPerMonth !== undefined && this.account.thisMonth(day).spentMicros >= microsPerMonth) {
      return budgetSpent(this.#budget('month', microsPerMonth, nowMs))
    }
    if (microsPerDay !== undefined && this.account.today(day).spentMicros >= microsPerDay) {
      return budgetSpent(this.#budget('day', microsPerDay, nowMs))
    }
    return undefined
  }

  #tooDear(micros: number, { microsPerDay, microsPerMonth }: Limits, nowMs: number): Refusal | undefined {
    if (micros === 0 || (microsPerDay === undefined && microsPerMonth === undefined)) return undefined
    const day = dayOf(nowMs)
    const more = this.#heldMicros + micros
    if (microsPerMonth !== undefined && this.account.thisMonth(day).spentMicros + more > microsPerMonth) {
      return budgetTooSmall(this.#budget('month', microsPerMonth, nowMs), micros)
    }
    if (microsPerDay !== undefined && this.account.today(day).spentMicros + more > microsPerDay) {
      return budgetTooSmall(this.#budget('day', microsPerDay, nowMs), micros)
    }
    return undefined
  }

  #tooLong(tokens: number, limit: number | undefined): Refusal | undefined {
    if (limit === undefined) return undefined
    const { minute } = this.account
    const second = this.#time.second()
    const used = minute.tokens(second)
    const over = used + this.#heldTokens + tokens - limit
    if (over <= 0) return undefined
    const waitSeconds = minute.secondsUntilTokensFree(over, second)
    return tooManyTokens({ key: this.key, limit, used, held: this.#heldTokens, waitSeconds }, tokens)
  }

  #budget(period: 'day' | 'month', limitMicros: number, nowMs: number): Budget {
    const today = dayOf(nowMs)
    return {
      key: this.key,
      period,
      limitMicros,
      figures: period === 'day' ? this.account.today(today) : this.account.thisMonth(today),
      heldMicros: this.#heldMicros,
      day: this.account.reached(today),
      nowMs,
    }
  }
}

class Held implements Hold {
  readonly #wallet: Wallet
  readonly #micros: number
  readonly #tokens: number
  #settled = false

  constructor(wallet: Wallet, micros: number, tokens: number) {
    this.#wallet = wallet
    this.#micros = micros
    this.#tokens = tokens
  }

  settle(end: HoldEnd): void {
    assert(!this.#settled, 'a hold is settled once')
    this.#settled = true
    this.#wallet.end(this.#micros, this.#tokens, end)
  }
}

/** The wall clock for days, and one that never runs backwards for minutes: both count from the epoch. */
export class LedgerTime {
  readonly #clock: Clock
  readonly #originMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#originMs = clock.now() - clock.elapsed()
  }

  nowMs(): number {
    return this.#clock.now()
  }

  second(): number {
    return Math.floor((this.#originMs + this.#clock.elapsed()) / 1_000)
  }
}

import { dayOf, monthOf } from '../../lib/utc.ts'
import { Minute } from './minute.ts'
import type { AccountState } from './state.ts'

/** Money of one period, in integer micro-dollars. */
export interface Figures {
  readonly spentMicros: number
  /** Of what is spent: worst cases whose true cost nobody stated. */
  readonly unknownMicros: number
  /** Of what is spent: what went beyond the worst case that was held. */
  readonly overshootMicros: number
}

/** The month that follows is kept too: a clock may run ahead and be set back. */
const FORGOTTEN_AFTER_MONTHS = 1

/**
 * DESIGN. What one key has spent, and its last minute. The live ledger and the fold of the log both count with
 * this class, so that they cannot differ in their arithmetic. The account stands on the newest day on which money
 * was held or spent: nothing else turns the page, and only forwards. So a look at the figures changes nothing, and
 * a clock that was set back goes on counting in the day that it had reached: no day is handed out twice.
 */
export class Account {
  readonly minute: Minute = new Minute()
  #day = 0
  #month = 0
  #today = NOTHING
  #thisMonth = NOTHING

  static from(state: AccountState): Account {
    const account = new Account()
    account.#day = state.day
    account.#month = monthOf(state.day)
    account.#today = state.today
    account.#thisMonth = state.thisMonth
    for (const { second, requests, tokens } of state.minute) account.minute.add(second, requests, tokens)
    return account
  }

  /** Money is being held: what is spent from now on belongs to this day. */
  begin(heldMicros: number, nowMs: number): void {
    if (heldMicros > 0) this.#turnTo(dayOf(nowMs))
  }

  /** A hold has ended. Undefined cost: nobody knows it, and the whole hold stays spent. */
  end(heldMicros: number, costMicros: number | undefined, nowMs: number): void {
    const spent = costMicros ?? heldMicros
    if (spent === 0) return
    this.#turnTo(dayOf(nowMs))
    const unknown = costMicros === undefined ? heldMicros : 0
    const overshoot = spent > heldMicros ? spent - heldMicros : 0
    this.#today = plus(this.#today, spent, unknown, overshoot)
    this.#thisMonth = plus(this.#thisMonth, spent, unknown, overshoot)
  }

  /** As they stand on a day since the epoch, or on the day that the account has reached, if that is later. */
  today(day: number): Figures {
    return day > this.#day ? NOTHING : this.#today
  }

  thisMonth(day: number): Figures {
    return day > this.#day && monthOf(day) > this.#month ? NOTHING : this.#thisMonth
  }

  /** The day that counts: today, or the one that the account has reached, if that is later. */
  reached(day: number): number {
    return Math.max(day, this.#day)
  }

  /** True where the account says nothing any more, whatever the clock does within a month. */
  forgettable(day: number, second: number): boolean {
    if (this.minute.requests(second) > 0 || this.minute.tokens(second) > 0) return false
    return this.#day === 0 || monthOf(day) - this.#month > FORGOTTEN_AFTER_MONTHS
  }

  state(key: string, second: number): AccountState {
    return {
      key,
      day: this.#day,
      today: this.#today,
      thisMonth: this.#thisMonth,
      minute: this.minute.seconds(second),
    }
  }

  #turnTo(day: number): void {
    if (day <= this.#day) return
    const month = monthOf(day)
    if (month > this.#month) this.#thisMonth = NOTHING
    this.#today = NOTHING
    this.#day = day
    this.#month = month
  }
}

const NOTHING: Figures = Object.freeze({ spentMicros: 0, unknownMicros: 0, overshootMicros: 0 })

function plus(figures: Figures, spent: number, unknown: number, overshoot: number): Figures {
  return {
    spentMicros: figures.spentMicros + spent,
    unknownMicros: figures.unknownMicros + unknown,
    overshootMicros: figures.overshootMicros + overshoot,
  }
}

import type { Hold, Limits, Visit, WorstCase } from '../../contract/budget.ts'
import type { Refusal } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { Account } from './account.ts'
import type { LedgerState } from './state.ts'
import { LedgerTime, type LedgerView, Wallet } from './wallet.ts'

export type { LedgerView } from './wallet.ts'

// DESIGN. What every key has spent and reserved, in memory. All of it is synchronous: two attempts cannot both
// take the last cent, and no limit needs a lock. Money that is held belongs to no day: it counts against
// whichever day and month it is, and turns into spending in the period in which its attempt ends. The log is
// where the ledger comes from at the start (fold.ts), and nothing is written here.

/** Wallets that are looked at when a new one is made, so that what is left alone is dropped without a timer. */
const SWEPT_PER_NEW_WALLET = 4

export interface LedgerParts {
  /** Called for each admission and each reservation: a changed limit holds from the next one on. */
  limitsOf(key: string): Limits
  readonly clock: Clock
}

export interface Ledger {
  /**
   * A place for one request of a key, or the refusal: `budget_exceeded` where the day's or the month's money is
   * wholly spent, `rate_limited` where it has too many requests at once or within a minute. Under 1 µs.
   */
  enter(key: string): Visit | Refusal
  view(key: string): LedgerView
  /** Every key that has spent something or has something open. */
  views(): readonly LedgerView[]
  /** Takes what the log says was spent; once, before the first `enter`. What was open then is lost: it counts whole. */
  restore(state: LedgerState): void
}

export function createLedger(parts: LedgerParts): Ledger {
  return new MemoryLedger(parts)
}

class MemoryLedger implements Ledger {
  readonly #limitsOf: (key: string) => Limits
  readonly #time: LedgerTime
  readonly #wallets = new Map<string, Wallet>()
  #sweep: Iterator<Wallet> = this.#wallets.values()

  constructor(parts: LedgerParts) {
    this.#limitsOf = (key) => parts.limitsOf(key)
    this.#time = new LedgerTime(parts.clock)
  }

  enter(key: string): Visit | Refusal {
    const wallet = this.walletOf(key)
    const refusal = wallet.admit(this.#limitsOf(key))
    return refusal ?? new Place(this, wallet)
  }

  reserve(wallet: Wallet, worst: WorstCase): Hold | Refusal {
    return wallet.reserve(worst, this.#limitsOf(wallet.key))
  }

  walletOf(key: string): Wallet {
    const known = this.#wallets.get(key)
    if (known !== undefined) return known
    this.#dropSome()
    const wallet = new Wallet(key, new Account(), this.#time)
    this.#wallets.set(key, wallet)
    return wallet
  }

  view(key: string): LedgerView {
    const wallet = this.#wallets.get(key) ?? new Wallet(key, new Account(), this.#time)
    return wallet.view()
  }

  views(): readonly LedgerView[] {
    return [...this.#wallets.values()].map((wallet) => wallet.view()).filter(saysSomething)
  }

  restore(state: LedgerState): void {
    assert(this.#wallets.size === 0, 'the ledger is restored before the first request')
    const nowMs = this.#time.nowMs()
    for (const account of state.accounts) {
      this.#wallets.set(account.key, new Wallet(account.key, Account.from(account), this.#time))
    }
    for (const { key, turns } of state.open) {
      const { account } = this.walletOf(key)
      for (const { heldMicros, heldTokens } of turns) {
        account.end(heldMicros, undefined, nowMs)
        account.minute.add(this.#time.second(), 0, heldTokens)
      }
    }
  }

  /** Every wallet's turn comes, since the iterator lives on while wallets come and go. */
  #dropSome(): void {
    for (let looked = 0; looked < SWEPT_PER_NEW_WALLET; looked++) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#wallets.values()
        return
      }
      if (next.value.empty) this.#wallets.delete(next.value.key)
    }
  }
}

function saysSomething({ thisMonth, openRequests, heldMicros, ...minute }: LedgerView): boolean {
  const money = thisMonth.spentMicros + heldMicros
  return money + openRequests + minute.requestsLastMinute + minute.tokensLastMinute > 0
}

class Place implements Visit {
  readonly #ledger: MemoryLedger
  readonly #wallet: Wallet
  #left = false

  constructor(ledger: MemoryLedger, wallet: Wallet) {
    this.#ledger = ledger
    this.#wallet = wallet
  }

  reserve(worst: WorstCase): Hold | Refusal {
    // Who has left may have been dropped since: a late attempt counts with the key's wallet of now.
    const wallet = this.#left ? this.#ledger.walletOf(this.#wallet.key) : this.#wallet
    return this.#ledger.reserve(wallet, worst)
  }

  leave(): void {
    if (this.#left) return
    this.#left = true
    this.#wallet.leave()
  }
}

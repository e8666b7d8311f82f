import type { Attempted, Settled, Settlement, Stamped } from '../../contract/entry.ts'
import { BriefMap } from '../../lib/brief-map.ts'
import { dayOf } from '../../lib/utc.ts'
import { Account } from './account.ts'
import type { LedgerState, OpenState } from './state.ts'

/** An attempt that has begun and not been settled. */
interface OpenTurn {
  readonly turn: number
  readonly heldMicros: number
  readonly heldTokens: number
}

interface OpenRequest {
  readonly key: string
  readonly turns: OpenTurn[]
}

/**
 * DESIGN. What the log says was spent: the same figures that the live ledger has, from the entries alone. A hold
 * begins with `attempt` and ends with the settlement that a later entry of its request tells; a request that
 * closes without one leaves its hold as unknown, and so does everything that is still open when a process starts,
 * because whoever was working on it has died. A cost counts in the day in which it was written down. Where a turn
 * ended before midnight and the next entry of its request came after it, that is one day later than in the live
 * ledger: the fold never shows less for the current day.
 */
export class LedgerFold {
  readonly #accounts = new Map<string, Account>()
  readonly #open = new BriefMap<OpenRequest>()
  #at = 0

  constructor(state?: LedgerState) {
    if (state === undefined) return
    this.#at = state.at
    for (const account of state.accounts) this.#accounts.set(account.key, Account.from(account))
    for (const { id, key, turns } of state.open) this.#open.set(id, { key, turns: [...turns] })
  }

  /** The entries of the log in their order. */
  visit(entry: Stamped): void {
    this.#at = entry.at
    switch (entry.type) {
      case 'opened':
        this.#open.set(entry.id, { key: entry.key, turns: [] })
        if (entry.parent === undefined) this.#accountOf(entry.key).minute.add(secondOf(entry.at), 1, 0)
        break
      case 'attempt':
        this.#attempt(entry)
        break
      case 'settled':
        this.#settleAll(entry.id, [entry], entry.at)
        break
      case 'closed':
        this.#settleAll(entry.id, entry.settled, entry.at)
        this.#lose(entry.id, entry.at)
        break
      case 'started':
        for (const [id] of this.#open.entries()) this.#lose(id, entry.at)
        break
    }
  }

  /** As JSON may hold it, and `ledgerStateSchema` reads it. */
  state(): LedgerState {
    const day = dayOf(this.#at)
    const second = secondOf(this.#at)
    const open: OpenState[] = []
    for (const [id, { key, turns }] of this.#open.entries()) open.push({ id, key, turns: [...turns] })
    return {
      at: this.#at,
      accounts: [...this.#accounts]
        .filter(([, account]) => !account.forgettable(day, second))
        .map(([key, account]) => account.state(key, second)),
      open,
    }
  }

  /** A request whose `opened` lies before the first entry that was visited belongs to no key, and is left out. */
  #attempt({ id, turn, heldMicros, heldTokens, settled, at }: Stamped<Attempted>): void {
    this.#settleAll(id, settled, at)
    const request = this.#open.get(id)
    if (request === undefined) return
    const held = { turn, heldMicros: heldMicros ?? 0, heldTokens: heldTokens ?? 0 }
    request.turns.push(held)
    this.#accountOf(request.key).begin(held.heldMicros, at)
  }

  #settleAll(id: string, settled: readonly (Settlement | Settled)[] | undefined, at: number): void {
    const request = settled === undefined ? undefined : this.#open.get(id)
    if (settled === undefined || request === undefined) return
    for (const settlement of settled) {
      const place = request.turns.findIndex(({ turn }) => turn === settlement.turn)
      const [held] = place === -1 ? [] : request.turns.splice(place, 1)
      // Nothing was sent in a turn without its attempt, and a turn is settled once.
      if (held !== undefined) this.#end(request.key, held, settlement.costMicros, tokensOf(settlement), at)
    }
  }

  /** What is still open of a request will be settled by nobody. */
  #lose(id: string, at: number): void {
    const request = this.#open.get(id)
    if (request === undefined) return
    for (const held of request.turns) this.#end(request.key, held, undefined, undefined, at)
    this.#open.delete(id)
  }

  #end(key: string, held: OpenTurn, cost: number | undefined, tokens: number | undefined, at: number): void {
    const account = this.#accountOf(key)
    account.end(held.heldMicros, cost, at)
    account.minute.add(secondOf(at), 0, tokens ?? held.heldTokens)
  }

  #accountOf(key: string): Account {
    const known = this.#accounts.get(key)
    if (known !== undefined) return known
    const account = new Account()
    this.#accounts.set(key, account)
    return account
  }
}

/** Undefined where nobody stated them; none where nothing was billed. */
function tokensOf({ usage, costMicros }: Settlement | Settled): number | undefined {
  if (usage !== undefined) return usage.promptTokens + usage.completionTokens
  return costMicros === 0 ? 0 : undefined
}

function secondOf(atMs: number): number {
  return Math.floor(atMs / 1_000)
}

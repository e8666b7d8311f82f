import type { Bill } from '../contract/ask.ts'
import type { Settlement } from '../contract/entry.ts'
import type { LeaseCost } from '../contract/lease.ts'
import type { ProblemCode } from '../contract/problem.ts'
import type { Lease } from './ports.ts'

/** The fields of a closed entry that are money: absent where nobody knows. */
export interface Charges {
  readonly costMicros?: number
  readonly chargedMicros?: number
}

/** What all turns of a request add up to, whoever made them. */
class Sum {
  costMicros: number | undefined
  unknown = false
  untold: Settlement[] = []
  turns = 0
  readonly legs: RequestBill[] = []
}

/**
 * What the turns of one request came to, in micro-dollars. A turn whose cost nobody knows (an unpriced model, an
 * engine that reported no usage) makes the sum unknown: a figure that is too low is not shown. The caller is
 * charged for the turn that was delivered and for no other; where several models were asked for one answer, for that
 * turn of each.
 */
export class RequestBill implements Bill {
  readonly #sum: Sum
  #charged: LeaseCost | undefined
  #firstPromptTokens: number | undefined
  #ownMicros: number | undefined = 0

  constructor(sum: Sum = new Sum()) {
    this.#sum = sum
    sum.legs.push(this)
  }

  /** Prompt tokens of the first turn that told them. */
  get firstPromptTokens(): number | undefined {
    return this.#firstPromptTokens
  }

  get ownMicros(): number | undefined {
    return this.#ownMicros
  }

  turn(): number {
    this.#sum.turns += 1
    return this.#sum.turns
  }

  leg(): RequestBill {
    return new RequestBill(this.#sum)
  }

  add(settlement: Settlement, cost: LeaseCost, delivered: boolean): void {
    const sum = this.#sum
    sum.untold.push(settlement)
    if (cost.estimated !== true) this.#firstPromptTokens ??= cost.usage?.promptTokens
    if (cost.costMicros === undefined) {
      sum.unknown = true
      this.#ownMicros = undefined
    } else {
      sum.costMicros = (sum.costMicros ?? 0) + cost.costMicros
      if (this.#ownMicros !== undefined) this.#ownMicros += cost.costMicros
    }
    if (delivered) this.#charged = cost
  }

  /** The settlements that no entry has told yet; each is handed out once. */
  take(): readonly Settlement[] {
    const { untold } = this.#sum
    this.#sum.untold = []
    return untold
  }

  /** The field of a terminal event: absent where the sum is unknown. */
  total(): { readonly costMicros?: number } {
    return this.#sum.unknown ? {} : { costMicros: this.#sum.costMicros ?? 0 }
  }

  /** For the record: nothing where nothing was dispatched. */
  charges(): Charges {
    const { costMicros, unknown, legs } = this.#sum
    const cost = unknown || costMicros === undefined ? {} : { costMicros }
    let chargedMicros: number | undefined
    for (const leg of legs) {
      const charged = leg.#charged
      if (charged === undefined) continue
      if (charged.chargedMicros === undefined) return cost
      chargedMicros = (chargedMicros ?? 0) + charged.chargedMicros
    }
    if (chargedMicros === undefined) return costMicros === undefined ? cost : { ...cost, chargedMicros: 0 }
    return { ...cost, chargedMicros }
  }
}

/** How a turn ended, for the record. */
export function settlementOf(
  { model }: Lease,
  turn: number,
  outcome: 'ok' | ProblemCode,
  { usage, costMicros, estimated }: LeaseCost,
  told: Pick<Settlement, 'firstTokenMs' | 'totalMs' | 'engineStats'>,
): Settlement {
  return {
    turn,
    engine: model.engine,
    model: model.id,
    tier: model.tier,
    outcome,
    ...(usage === undefined ? {} : { usage }),
    ...(costMicros === undefined ? {} : { costMicros }),
    ...(estimated === true ? { estimated } : {}),
    ...told,
  }
}

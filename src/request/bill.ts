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

/**
 * What the turns of one request came to, in micro-dollars. A turn whose cost nobody knows (an unpriced model, an
 * engine that reported no usage) makes the sum unknown: a figure that is too low is not shown. The caller is
 * charged for the turn that was delivered and for no other.
 */
export class RequestBill implements Bill {
  #costMicros: number | undefined
  #unknown = false
  #charged: LeaseCost | undefined
  #untold: Settlement[] = []
  #firstPromptTokens: number | undefined

  /** Prompt tokens of the first turn that told them. */
  get firstPromptTokens(): number | undefined {
    return this.#firstPromptTokens
  }

  add(settlement: Settlement, cost: LeaseCost, delivered: boolean): void {
    this.#untold.push(settlement)
    if (cost.estimated !== true) this.#firstPromptTokens ??= cost.usage?.promptTokens
    if (cost.costMicros === undefined) this.#unknown = true
    else this.#costMicros = (this.#costMicros ?? 0) + cost.costMicros
    if (delivered) this.#charged = cost
  }

  /** The settlements that no entry has told yet; each is handed out once. */
  take(): readonly Settlement[] {
    const untold = this.#untold
    this.#untold = []
    return untold
  }

  /** The field of a terminal event: absent where the sum is unknown. */
  total(): { readonly costMicros?: number } {
    return this.#unknown ? {} : { costMicros: this.#costMicros ?? 0 }
  }

  /** For the record: nothing where nothing was dispatched. */
  charges(): Charges {
    const cost = this.#unknown || this.#costMicros === undefined ? {} : { costMicros: this.#costMicros }
    if (this.#charged === undefined)
      return this.#costMicros === undefined ? cost : { ...cost, chargedMicros: 0 }
    const { chargedMicros } = this.#charged
    return chargedMicros === undefined ? cost : { ...cost, chargedMicros }
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

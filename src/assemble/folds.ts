import { LedgerFold } from '../caller/ledger/fold.ts'
import { ledgerStateSchema } from '../caller/ledger/state.ts'
import type { Stamped } from '../contract/entry.ts'
import { ErasingFold } from './erasing.ts'
import { SpendFold } from './spend.ts'

/** Everything that a start must know of the log: folded as it is read, kept in the snapshot, gone on with from there. */
export class Folds {
  readonly ledger: LedgerFold
  readonly spend: SpendFold
  readonly erasing: ErasingFold

  /** Goes on from what `state` gave; throws where it is none of ours. */
  constructor(state: Readonly<Record<string, unknown>> = {}) {
    const { ledger, spend, erasing } = state
    this.ledger = new LedgerFold(ledger === undefined ? undefined : ledgerStateSchema.parse(ledger))
    this.spend = new SpendFold(spend)
    this.erasing = new ErasingFold(erasing)
  }

  visit(entry: Stamped): void {
    this.ledger.visit(entry)
    this.spend.visit(entry)
    this.erasing.visit(entry)
  }

  state(): Record<string, unknown> {
    return { ledger: this.ledger.state(), spend: this.spend.state(), erasing: this.erasing.state() }
  }
}

import * as z from 'zod'
import { LedgerFold } from '../caller/ledger/fold.ts'
import { ledgerStateSchema } from '../caller/ledger/state.ts'
import type { Stamped } from '../contract/entry.ts'
import { SpendFold } from '../fleet/spend-fold.ts'
import { ErasingFold } from '../govern/erasing.ts'
import { ForgettingFold } from '../govern/forget/forgetting.ts'
import type { loadSnapshot, Snapshot } from '../record/snapshot.ts'
import { RoutingFold } from '../route/online/fold.ts'

/** Everything that a start must know of the log: folded as it is read, kept in the snapshot, gone on with from there. */
export class Folds {
  readonly ledger: LedgerFold
  readonly spend: SpendFold
  readonly erasing: ErasingFold
  readonly forgetting: ForgettingFold
  readonly routing: RoutingFold

  /** Goes on from what `state` gave; throws where it is none of ours. */
  constructor(state: Readonly<Record<string, unknown>> = {}) {
    const { ledger, spend, erasing, forgetting, routing } = state
    this.ledger = new LedgerFold(ledger === undefined ? undefined : ledgerStateSchema.parse(ledger))
    this.spend = new SpendFold(spend)
    this.erasing = new ErasingFold(erasing)
    this.forgetting = new ForgettingFold(forgetting)
    this.routing = new RoutingFold(routing)
  }

  visit(entry: Stamped): void {
    this.ledger.visit(entry)
    this.spend.visit(entry)
    this.erasing.visit(entry)
    this.forgetting.visit(entry)
    this.routing.visit(entry, entry.at)
  }

  state(): Record<string, unknown> {
    return {
      ledger: this.ledger.state(),
      spend: this.spend.state(),
      erasing: this.erasing.state(),
      forgetting: this.forgetting.state(),
      routing: this.routing.state(),
    }
  }
}

/** The folds that a start begins with, and the snapshot that they come from. */
export interface FromSnapshot {
  readonly folds: Folds
  readonly snapshot: Snapshot | undefined
  /** Why there is no snapshot to use, in a word or two. */
  readonly unusable: string | undefined
}

/** A snapshot of another form is as good as none: the log is read instead. */
export function foldsFrom(loaded: ReturnType<typeof loadSnapshot>): FromSnapshot {
  if ('unusable' in loaded) return { folds: new Folds(), snapshot: undefined, unusable: loaded.unusable }
  try {
    return { folds: new Folds(loaded.folds), snapshot: loaded, unusable: undefined }
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    return { folds: new Folds(), snapshot: undefined, unusable: 'of another form' }
  }
}

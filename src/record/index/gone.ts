import type { StatementSync } from 'node:sqlite'
import type { Store } from '../../store/open.ts'
import { type Columns, number, numberOrNull, readDetail, text, textOrNull } from './rows.ts'
import { type Counted, hourOf, hourStart, type Sums } from './sums.ts'
import type { Outcome } from './wire.ts'

// DESIGN. What has left the log leaves the projections too, so that tables which are rebuilt from what is left
// are the same tables. Expired entries are hidden at once (`expired` is a floor under every question) and their
// rows are deleted in slices, a slice with each commit: a day of a busy gateway is a million rows.
// Sums are not taken back row by row: those of every hour that lost a row are dropped, and made again from the
// few rows of these hours that stay.

/** Rows that one commit deletes: some 50 ms. */
const SWEEP_ROWS = 5_000

export class Gone {
  readonly #store: Store
  readonly #reach: StatementSync
  /** Rows up to this seq are hidden. */
  expired: number
  /** Rows up to this seq are deleted. */
  swept: number

  constructor(store: Store, reached: Columns) {
    this.#store = store
    this.#reach = store.prepare('UPDATE reached SET position = ?, expired = ?, swept = ?')
    this.expired = number(reached, 'expired')
    this.swept = number(reached, 'swept')
  }

  /** The entries up to `last` have left the log. Inside a transaction, after the rows before it were written. */
  expire(last: number, sums: Sums): void {
    if (last <= this.expired) return
    const newest = this.#store
      .prepare("SELECT max(at) AS at FROM request WHERE seq > ? AND seq <= ? AND outcome <> 'open'")
      .get(this.expired, last)
    this.expired = last
    for (const table of ['feedback', 'event']) {
      this.#store.prepare(`DELETE FROM ${table} WHERE seq <= ?`).run(last)
    }
    this.#store.prepare('DELETE FROM span WHERE last <= ?').run(last)
    if (typeof newest?.['at'] === 'number') this.#sumAgain(hourOf(newest['at']), sums)
  }

  /** Deletes a slice of what has expired, and remembers how far everything got. Inside a transaction. */
  sweep(position: number): void {
    if (this.swept < this.expired) {
      const slice = this.#store
        .prepare(
          'SELECT count(*) AS rows, max(seq) AS last FROM (SELECT seq FROM request WHERE seq <= ? ORDER BY seq LIMIT ?)',
        )
        .get(this.expired, SWEEP_ROWS)
      const whole = Number(slice?.['rows'] ?? 0) < SWEEP_ROWS
      this.swept = whole ? this.expired : Number(slice?.['last'])
      for (const table of ['request', 'detail', 'response']) {
        this.#store.prepare(`DELETE FROM ${table} WHERE seq <= ?`).run(this.swept)
      }
    }
    this.#reach.run(position, this.expired, this.swept)
  }

  /** Nothing points to the subject's texts any more. Inside a transaction. */
  forget(subject: string): void {
    const store = this.#store
    const of = 'WHERE seq IN (SELECT seq FROM request WHERE subject = ?)'
    store.prepare(`UPDATE detail SET prompt = NULL, answer = NULL ${of}`).run(subject)
    store.prepare('UPDATE request SET subject = NULL, erased = 1 WHERE subject = ?').run(subject)
    store.prepare('UPDATE feedback SET subject = NULL, correction = NULL WHERE subject = ?').run(subject)
  }

  #sumAgain(hour: number, sums: Sums): void {
    this.#store.prepare('DELETE FROM usage WHERE hour <= ?').run(hour)
    const last = this.#store.prepare('SELECT max(last) AS last FROM span WHERE hour <= ?').get(hour)
    const staying = this.#store
      .prepare(
        `SELECT seq, at, key, parent, model, tier, tier_asked, outcome, charged_micros, data
         FROM request JOIN detail USING (seq) WHERE seq > ? AND seq <= ? AND at < ? AND outcome <> 'open'`,
      )
      .iterate(this.expired, Number(last?.['last'] ?? -1), hourStart(hour + 1))
    for (const columns of staying) sums.add(counted(columns))
  }
}

function counted(columns: Columns): Counted {
  return {
    at: number(columns, 'at'),
    key: text(columns, 'key'),
    parent: textOrNull(columns, 'parent'),
    model: textOrNull(columns, 'model'),
    tier: textOrNull(columns, 'tier'),
    tierAsked: textOrNull(columns, 'tier_asked'),
    // A parser: the column holds what Rows.write was given.
    outcome: text(columns, 'outcome') as Outcome,
    chargedMicros: numberOrNull(columns, 'charged_micros'),
    detail: readDetail(columns),
  }
}

import type { SQLOutputValue, StatementSync } from 'node:sqlite'
import type { Stamped, TextRef } from '../../contract/entry.ts'
import type { Plan } from '../../contract/plan.ts'
import type { Store } from '../../store/open.ts'
import { type Course, noFigures } from './course.ts'
import type { Detail, Row } from './row.ts'

/** What SQLite gives for a row. */
export type Columns = { readonly [column: string]: SQLOutputValue }

/** Writes rows of requests, and reads back those that have not ended. */
export class Rows {
  readonly #insert: Statements
  readonly #replace: Statements
  readonly #open: StatementSync

  constructor(store: Store) {
    this.#insert = prepare(store, 'INSERT')
    this.#replace = prepare(store, 'INSERT OR REPLACE')
    this.#open = store.prepare(
      'SELECT * FROM request JOIN detail USING (seq) WHERE done_seq IS NULL ORDER BY seq',
    )
  }

  /** `again`: a row of this request is there already. Looking for one that is not costs a fifth of the writing. */
  write(row: Row, again: boolean): void {
    const { figures } = row
    const counted = figures.counted > 0
    const { request, detail } = again ? this.#replace : this.#insert
    request.run(
      row.seq,
      row.doneSeq,
      row.at,
      row.id,
      row.parent,
      row.key,
      row.subject,
      row.requested,
      row.tierAsked,
      row.tier,
      row.model,
      row.engine,
      row.replica,
      row.mode,
      row.offMachine ? 1 : 0,
      row.outcome,
      row.code,
      figures.turns,
      counted ? figures.promptTokens : null,
      counted ? figures.completionTokens : null,
      counted ? figures.cachedTokens : null,
      counted ? figures.reasoningTokens : null,
      figures.priced > 0 || figures.turns === 0 ? figures.costMicros : null,
      row.chargedMicros,
      figures.unknownMicros,
      figures.unpricedTurns > 0 ? 1 : 0,
      figures.estimatedTurns > 0 ? 1 : 0,
      row.firstTokenMs,
      row.totalMs,
      row.erased ? 1 : 0,
    )
    detail.run(row.seq, JSON.stringify(row.detail), refText(row.prompt), refText(row.answer))
  }

  /** The requests that had not ended when the last commit was made, as they were. */
  open(): Course[] {
    return this.#open.all().map(courseOf)
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(store: Store, verb: 'INSERT' | 'INSERT OR REPLACE') {
  return {
    request: store.prepare(`${verb} INTO request VALUES (?${', ?'.repeat(29)})`),
    detail: store.prepare(`${verb} INTO detail VALUES (?, ?, ?, ?)`),
  }
}

function refText(ref: TextRef | undefined): string | null {
  return ref === undefined ? null : JSON.stringify(ref)
}

export function readRef(value: SQLOutputValue | undefined): TextRef | undefined {
  // A parser: what stands there was written by refText.
  return typeof value === 'string' ? (JSON.parse(value) as TextRef) : undefined
}

export function readDetail(columns: Columns): Detail {
  // A parser: what stands there was written by Rows.write.
  return JSON.parse(text(columns, 'data')) as Detail
}

function courseOf(columns: Columns): Course {
  const detail = readDetail(columns)
  const parent = textOrNull(columns, 'parent')
  const plan = {
    ...detail.plan,
    mode: text(columns, 'mode'),
    requested: text(columns, 'requested'),
    tier: text(columns, 'tier_asked'),
    // A parser: rowOf took the plan of an opened request apart in just this way.
  } as Plan
  const opened: Stamped<Course['opened']> = {
    type: 'opened',
    seq: number(columns, 'seq'),
    at: number(columns, 'at'),
    id: text(columns, 'id'),
    ...(parent === null ? {} : { parent }),
    key: text(columns, 'key'),
    bytes: detail.bytes ?? 0,
    plan,
    ...(detail.response === undefined ? {} : { response: detail.response }),
  }
  return {
    opened,
    turns: [...detail.turns],
    below: detail.below ?? {
      figures: noFigures(),
      chargedMicros: null,
      offMachine: false,
      served: null,
    },
    subject: textOrNull(columns, 'subject') ?? undefined,
    prompt: readRef(columns['prompt']),
    erased: columns['erased'] === 1,
    written: true,
    changed: false,
  }
}

export function text(columns: Columns, column: string): string {
  const value = columns[column]
  return typeof value === 'string' ? value : ''
}

export function textOrNull(columns: Columns, column: string): string | null {
  const value = columns[column]
  return typeof value === 'string' ? value : null
}

export function number(columns: Columns, column: string): number {
  return numberOrNull(columns, column) ?? 0
}

export function numberOrNull(columns: Columns, column: string): number | null {
  const value = columns[column]
  return typeof value === 'number' ? value : null
}

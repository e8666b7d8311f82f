import type { SQLInputValue } from 'node:sqlite'
import type { Filter } from '../query.ts'
import { number } from '../rows.ts'
import { hourOf } from '../sums.ts'
import type { Source } from './reading.ts'

// DESIGN. A filter that few rows meet would make SQLite look at millions of them while the follower waits. So one
// answer looks at a window of the log at most, unless an index leads straight to the rows; a page may then hold
// fewer rows than were asked for, or none, and still have a cursor to go on with.

/** Entries of the log that one answer looks through: some 300,000 requests, under 100 ms. */
export const WINDOW_SEQS = 1_000_000

/** The same for the requests of one key, which an index leads to one by one. */
const WINDOW_ROWS = 20_000

/** Conditions to be joined by AND, with their values in order. */
export interface Where {
  readonly conditions: string[]
  readonly values: SQLInputValue[]
}

/** The conditions that a filter states, without the range of seq. */
export function whereOf(filter: Filter): Where {
  const where: Where = { conditions: [], values: [] }
  const add = (condition: string, ...values: SQLInputValue[]): void => {
    where.conditions.push(condition)
    where.values.push(...values)
  }
  if (filter.key !== undefined) add('key = ?', filter.key)
  if (filter.subject !== undefined) add('subject = ?', filter.subject)
  if (filter.id !== undefined) add('id >= ? AND id < ?', filter.id, `${filter.id}\u{10ffff}`)
  if (filter.model !== undefined) add('model = ?', filter.model)
  if (filter.tier !== undefined) add('tier = ?', filter.tier)
  if (filter.outcome !== undefined) add('outcome = ?', filter.outcome)
  if (filter.code !== undefined) add('code = ?', filter.code)
  if (filter.since !== undefined) add('at >= ?', filter.since)
  if (filter.until !== undefined) add('at < ?', filter.until)
  if (filter.finished === true) add("outcome <> 'open'")
  return where
}

/** A range of seq, both ends included, that holds every request opened in the filter's time; and no expired one. */
export interface Range {
  readonly low: number
  readonly high: number
}

export function rangeOf({ store, floor }: Source, { since, until }: Filter): Range {
  let low = floor() + 1
  let high = Number.MAX_SAFE_INTEGER
  if (since !== undefined) {
    const first = store.prepare('SELECT min(first) AS seq FROM span WHERE hour >= ?').get(hourOf(since))?.[
      'seq'
    ]
    low = Math.max(low, typeof first === 'number' ? first : high)
  }
  if (until !== undefined) {
    const last = store.prepare('SELECT max(last) AS seq FROM span WHERE hour <= ?').get(hourOf(until))?.[
      'seq'
    ]
    high = typeof last === 'number' ? last : -1
  }
  return { low, high }
}

/**
 * The table to read a filter's rows from. SQLite would read the rows in order rather than by the index, in the hope
 * that the first ones will do.
 */
export function tableFor(filter: Filter): string {
  if (byId(filter)) return 'request INDEXED BY request_id'
  return filter.key === undefined ? 'request' : 'request INDEXED BY request_key'
}

/** The first seq that is not in the tables yet. */
export function reached({ store }: Pick<Source, 'store'>): number {
  return number(store.prepare('SELECT position FROM reached').get() ?? {}, 'position')
}

/** The newest part of a range below `below`, as much as one answer looks through. */
export function windowOf(source: Source, range: Range, filter: Filter, below: number): Range {
  const high = Math.min(range.high, below - 1)
  if (byId(filter)) return { low: range.low, high }
  if (filter.key === undefined) return { low: Math.max(range.low, high - WINDOW_SEQS + 1), high }
  const newest = source.store
    .prepare(
      `SELECT count(*) AS rows, min(seq) AS low FROM (
         SELECT seq FROM request INDEXED BY request_key WHERE key = ? AND seq BETWEEN ? AND ?
         ORDER BY seq DESC LIMIT ?)`,
    )
    .get(filter.key, range.low, high, WINDOW_ROWS)
  return { low: newest?.['rows'] === WINDOW_ROWS ? Number(newest['low']) : range.low, high }
}

/** A shorter beginning fits too many ids: these ten characters after `req_` are the time. */
const TELLING_CHARS = 12

function byId({ id }: Filter): boolean {
  return id !== undefined && id.length >= TELLING_CHARS
}

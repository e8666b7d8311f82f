import { type Cursor, encodeCursor, type Query } from '../query.ts'
import { number } from '../rows.ts'
import type { RequestList } from '../wire.ts'
import { rangeOf, reached, tableFor, whereOf, windowOf } from './filter.ts'
import type { Source } from './reading.ts'
import { viewOf } from './view.ts'

type RequestsQuery = Extract<Query, { type: 'requests' }>

/** Newest first by when they were opened; after a cursor of `tailCursor`: oldest first by when they ended. */
export function listRequests(source: Source, query: RequestsQuery): RequestList {
  return query.cursor?.type === 'newer' ? ended(source, query, query.cursor) : opened(source, query)
}

function opened(source: Source, query: RequestsQuery): RequestList {
  const { store } = source
  const end = reached(source)
  const below = query.cursor?.type === 'older' ? query.cursor.seq : end
  const range = rangeOf(source, query.filter)
  const { low, high } = windowOf(source, range, query.filter, below)
  const { conditions, values } = whereOf(query.filter)
  const where = ['seq BETWEEN ? AND ?', ...conditions, ...(query.children ? [] : ['parent IS NULL'])]
  const rows = store
    .prepare(`SELECT * FROM ${tableFor(query.filter)} WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ?`)
    .all(low, high, ...values, query.limit)
  const last = rows.length === query.limit ? number(rows.at(-1) ?? {}, 'seq') : low
  const nextCursor = last > range.low ? encodeCursor({ type: 'older', seq: last }) : null
  const tailCursor = encodeCursor({ type: 'newer', doneSeq: end - 1, seq: Number.MAX_SAFE_INTEGER })
  return { data: rows.map(viewOf), nextCursor, tailCursor }
}

function ended(source: Source, query: RequestsQuery, after: Extract<Cursor, { type: 'newer' }>): RequestList {
  const { conditions, values } = whereOf(query.filter)
  const where = [
    'done_seq >= ? AND (done_seq, seq) > (?, ?)',
    'seq > ?',
    ...conditions,
    ...(query.children ? [] : ['parent IS NULL']),
  ]
  const end = reached(source)
  const rows = source.store
    .prepare(
      `SELECT * FROM request INDEXED BY request_done WHERE ${where.join(' AND ')} ORDER BY done_seq, seq LIMIT ?`,
    )
    .all(after.doneSeq, after.doneSeq, after.seq, source.floor(), ...values, query.limit)
  const last = rows.length === query.limit ? rows.at(-1) : undefined
  const cursor = encodeCursor(
    last === undefined
      ? { type: 'newer', doneSeq: Math.max(end - 1, after.doneSeq), seq: Number.MAX_SAFE_INTEGER }
      : { type: 'newer', doneSeq: number(last, 'done_seq'), seq: number(last, 'seq') },
  )
  return { data: rows.map(viewOf), nextCursor: cursor, tailCursor: cursor }
}

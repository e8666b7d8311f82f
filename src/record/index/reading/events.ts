import { encodeCursor, type Query } from '../query.ts'
import { number, text } from '../rows.ts'
import type { EventList } from '../wire.ts'
import type { Source } from './reading.ts'

/** What is no request (changes of keys and policies, erasures, expiries, starts), newest first. */
export function eventsOf(source: Source, { limit, cursor }: Extract<Query, { type: 'events' }>): EventList {
  const below = cursor?.type === 'older' ? cursor.seq : Number.MAX_SAFE_INTEGER
  const rows = source.store
    .prepare('SELECT * FROM event WHERE seq < ? ORDER BY seq DESC LIMIT ?')
    .all(below, limit)
  const last = rows.length === limit ? rows.at(-1) : undefined
  return {
    data: rows.map((columns) => ({
      seq: number(columns, 'seq'),
      at: number(columns, 'at'),
      type: text(columns, 'type'),
      // A parser: what stands there was written from an entry.
      data: JSON.parse(text(columns, 'data')) as { [field: string]: unknown },
    })),
    nextCursor: last === undefined ? null : encodeCursor({ type: 'older', seq: number(last, 'seq') }),
  }
}

import { encodeCursor, type KeptText, type Query } from '../query.ts'
import { number, readRef, text } from '../rows.ts'
import type { SearchList } from '../wire.ts'
import { rangeOf, reached, tableFor, whereOf, windowOf } from './filter.ts'
import { readable } from './readable.ts'
import type { Source } from './reading.ts'
import { viewOf } from './view.ts'

// DESIGN. Texts are encrypted, so there is no index of their words: a search decrypts them one after the other,
// newest first. Since it runs where entries are followed and other questions are answered, one answer stops after
// SLICE_MS and says where to go on. All words must occur in the same text.

/** How long one answer may look. */
const SLICE_MS = 150

/** Requests whose texts one answer looks at. */
const SCANNED_MAX = 5_000

/** Characters of a snippet on each side of the first word. */
const AROUND = 60

type Found = { readonly where: 'prompt' | 'answer'; readonly snippet: string }

export function search(source: Source, query: Extract<Query, { type: 'search' }>): SearchList {
  const words = query.words.map(folded)
  const data: SearchList['data'] = []
  const unreadable = { erased: 0, expired: 0, damaged: 0 }
  const until = source.elapsed() + SLICE_MS
  const { low, high, floor, rows } = candidates(source, query)
  let scanned = 0
  let next = low
  for (const columns of rows) {
    next = number(columns, 'seq')
    const subject = text(columns, 'subject')
    let found: Found | undefined
    for (const where of ['prompt', 'answer'] as const) {
      const ref = readRef(columns[where])
      if (ref === undefined || found !== undefined) continue
      const kept = source.readText(subject, ref)
      if (kept.type === 'text') found = match(where, kept, words)
      else unreadable[kept.type] += 1
    }
    if (found !== undefined) data.push({ request: viewOf(columns), ...found })
    scanned += 1
    if (data.length === query.limit || scanned === SCANNED_MAX || source.elapsed() >= until) {
      return { data, scanned, unreadable, nextCursor: cursorAt(next, floor) }
    }
  }
  return { data, scanned, unreadable, nextCursor: low <= high ? cursorAt(low, floor) : null }
}

function cursorAt(seq: number, floor: number): string | null {
  return seq > floor ? encodeCursor({ type: 'older', seq }) : null
}

function candidates(source: Source, query: Extract<Query, { type: 'search' }>) {
  const range = rangeOf(source, query.filter)
  const below = query.cursor?.type === 'older' ? query.cursor.seq : reached(source)
  const { low, high } = windowOf(source, range, query.filter, below)
  const { conditions, values } = whereOf(query.filter)
  const where = ['seq BETWEEN ? AND ?', 'subject IS NOT NULL', ...conditions]
  const rows = source.store
    .prepare(
      `SELECT request.*, prompt, answer FROM ${tableFor(query.filter)} JOIN detail USING (seq)
       WHERE ${where.join(' AND ')} AND (prompt IS NOT NULL OR answer IS NOT NULL) ORDER BY seq DESC`,
    )
    .iterate(low, high, ...values)
  return { low, high, floor: range.low, rows }
}

function match(
  where: 'prompt' | 'answer',
  kept: Extract<KeptText, { type: 'text' }>,
  words: readonly string[],
): Found | undefined {
  const plain = readable(Buffer.from(kept.text).toString('utf8')).normalize('NFC')
  const lower = plain.toLowerCase()
  const places = words.map((word) => lower.indexOf(word))
  if (places.some((place) => place < 0)) return undefined
  const place = Math.min(...places)
  const start = Math.max(0, place - AROUND)
  const end = Math.min(plain.length, place + AROUND)
  const cut = plain.slice(start, end).replace(/\s+/g, ' ').trim()
  return { where, snippet: `${start > 0 ? '…' : ''}${cut}${end < plain.length ? '…' : ''}` }
}

function folded(word: string): string {
  return word.normalize('NFC').toLowerCase()
}

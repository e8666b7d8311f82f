import { join } from 'node:path'
import type { Entry } from '../../src/contract/entry.ts'
import { decodeEntry, splitLine } from '../../src/record/log/line.ts'
import { listSegments, readLines } from '../../src/record/log/segments.ts'

/** The entries of a home's log whose lines are whole, in order. */
export function readLog(home: string): readonly Entry[] {
  const entries: Entry[] = []
  for (const { path } of listSegments(join(home, 'log'))) {
    readLines(path, 0, ({ bytes }) => {
      const json = splitLine(bytes)
      if (json === undefined) return false
      const entry = decodeEntry(json)
      if (entry.type !== 'settled') entries.push(entry)
      return true
    })
  }
  return entries
}

/** The entries of one type about one request. */
export function entriesOf<T extends Entry['type']>(
  home: string,
  type: T,
  id: string,
): readonly Extract<Entry, { type: T }>[] {
  return readLog(home).filter(
    (entry): entry is Extract<Entry, { type: T }> => entry.type === type && 'id' in entry && entry.id === id,
  )
}

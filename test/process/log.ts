import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Entry } from '../../src/contract/entry.ts'
import { scanLines } from '../../src/record/line.ts'

/** The entries of a home's log whose lines are whole, in order. */
export function readLog(home: string): readonly Entry[] {
  const folder = join(home, 'log')
  const entries: Entry[] = []
  for (const name of readdirSync(folder).toSorted()) {
    scanLines(readFileSync(join(folder, name)), (entry) => entries.push(entry))
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

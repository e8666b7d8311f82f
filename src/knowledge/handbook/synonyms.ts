import { stemOf } from '../../lib/text/words.ts'
import { CONCEPTS } from './concepts.ts'

export interface Alternative {
  readonly raw: string
  readonly stem: string
}

let table: ReadonlyMap<string, readonly Alternative[]> | undefined

/** Stem of a user's word → words that may stand for it in the handbook. Read at the first use: a start needs none. */
export function synonyms(): ReadonlyMap<string, readonly Alternative[]> {
  table ??= read(CONCEPTS)
  return table
}

function read(lines: string): Map<string, Alternative[]> {
  const map = new Map<string, Alternative[]>()
  for (const line of lines.trim().split('\n')) {
    const [from = '', to = ''] = line.split('>')
    const targets = wordsIn(to).map((raw) => ({ raw, stem: stemOf(raw) }))
    for (const word of new Set(wordsIn(from).map(stemOf))) {
      const known = map.get(word) ?? []
      for (const one of targets) {
        if (one.stem !== word && !known.some((other) => other.stem === one.stem)) known.push(one)
      }
      map.set(word, known)
    }
  }
  return map
}

function wordsIn(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

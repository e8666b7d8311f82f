import { hasSpaceless } from '../../lib/text/spaceless.ts'
import type { Segment } from './segment.ts'

/** Pairs that are kept for one character, the commonest: in a large collection some stand beside hundreds of others. */
const MAX_PAIRS = 256

/** By character, the terms of two characters that it is in and a script without spaces has. Reads every term once. */
export function pairsByCharacter(segments: readonly Segment[]): ReadonlyMap<string, readonly string[]> {
  const counts = new Map<string, number>()
  for (const { terms, offsets } of segments) {
    for (const [term, id] of terms) {
      if (term.length !== 2 || !hasSpaceless(term)) continue
      counts.set(term, (counts.get(term) ?? 0) + (offsets[id + 1] ?? 0) - (offsets[id] ?? 0))
    }
  }
  const found = new Map<string, string[]>()
  for (const [term] of [...counts].sort((a, b) => b[1] - a[1])) {
    for (const character of new Set(term)) {
      const pairs = found.get(character) ?? []
      if (pairs.length < MAX_PAIRS) pairs.push(term)
      found.set(character, pairs)
    }
  }
  return found
}

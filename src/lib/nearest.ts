/**
 * The candidate that a mistyped word most likely meant, or undefined where none is near: at most one edit for
 * every three letters. An edit inserts, drops, replaces or swaps neighbours (optimal string alignment), and
 * case does not count. For words of a command line or a configuration; both sides should be short.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestEdits = Math.max(1, Math.floor(Math.min(word.length, MAX_WORD_CHARS) / 3)) + 1
  if (word.length > MAX_WORD_CHARS) return undefined
  for (const candidate of candidates) {
    const edits = editsBetween(word.toLowerCase(), candidate.toLowerCase())
    if (edits < bestEdits) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** A longer word was not mistyped. */
const MAX_WORD_CHARS = 64

function editsBetween(left: string, right: string): number {
  if (right.length > MAX_WORD_CHARS) return MAX_WORD_CHARS
  let twoUp: number[] = []
  let up = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const line = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      const dropped = (up[column] ?? 0) + 1
      const inserted = (line[column - 1] ?? 0) + 1
      const replaced = (up[column - 1] ?? 0) + (same ? 0 : 1)
      let edits = Math.min(dropped, inserted, replaced)
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (swapped) edits = Math.min(edits, (twoUp[column - 2] ?? 0) + 1)
      line.push(edits)
    }
    twoUp = up
    up = line
  }
  return up[right.length] ?? 0
}

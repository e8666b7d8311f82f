/**
 * Other words by which a paragraph may be asked for, beside the page and not in it: `docs/asked/PAGE.txt` holds
 * for `docs/PAGE.md` entries of one line with the beginning of a block, word for word, and indented lines with
 * phrases, separated by commas. The phrases are indexed with the text from that block on, up to the next block
 * that is named or the next heading, and are never quoted.
 */
export interface Asked {
  /** How a block begins. */
  readonly start: string
  readonly phrases: string
}

const INDENTED = /^\s/

/** Reads the entries; total: a line that belongs to nothing begins an entry without phrases. */
export function readAsked(text: string): readonly Asked[] {
  const entries: { start: string; phrases: string }[] = []
  for (const line of text.split(/\r?\n/)) {
    const words = line.trim()
    const last = entries.at(-1)
    if (words === '') continue
    if (INDENTED.test(line) && last !== undefined) last.phrases = `${last.phrases} ${words}`.trim()
    else entries.push({ start: words, phrases: '' })
  }
  return entries
}

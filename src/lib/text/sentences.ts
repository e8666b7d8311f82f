import { type BlockType, blocksOf } from './markdown.ts'

/** What can be quoted and understood alone: a sentence, or a whole table or listing. UTF-16 offsets. */
export interface Sentence {
  readonly start: number
  readonly end: number
  /** The block that it stands in, by number, so that neighbours can be told from strangers. */
  readonly block: number
  readonly type: Exclude<BlockType, 'heading' | 'comment'>
}

/** A longer table is quoted by the row: UTF-16 units. */
const TABLE_MAX = 700
const ROW = /[^\r\n]+/g
const RULE = /^[\s|:-]*$/

/**
 * A full stop, question or exclamation mark (and closing quotes) before white space and a new beginning; of Chinese and
 * Japanese, which put no space behind them, the mark itself.
 */
const END = /[.!?…](?:["'”’)\]*_`]*)(?=\s+["'“‘([*_`¿¡«„]*[\p{Lu}\p{N}`])|[。！？](?:[”’」』）]*)(?=.)/gu
const ABBREVIATION = /(?:^|[\s(])(?:e\.g|i\.e|etc|cf|vs|Mr|Ms|Dr|No|Art|approx|\p{Lu})\.$/u

/** The sentences of a Markdown text in order; headings and comments are left out. Every one is a non-empty slice of the text. */
export function sentencesOf(text: string): Sentence[] {
  const found: Sentence[] = []
  for (const [number, block] of blocksOf(text).entries()) {
    if (block.type === 'heading' || block.type === 'comment') continue
    if (block.type === 'table' && block.end - block.start > TABLE_MAX) {
      pushRows(found, text, block.start, block.end, number)
      continue
    }
    if (block.type === 'code' || block.type === 'table') {
      found.push({ start: block.start, end: block.end, block: number, type: block.type })
      continue
    }
    let start = block.start
    for (const end of endsIn(text.slice(block.start, block.end))) {
      start = push(found, text, start, block.start + end, number, block.type)
    }
    push(found, text, start, block.end, number, block.type)
  }
  return found
}

function pushRows(found: Sentence[], text: string, from: number, to: number, block: number): void {
  for (const row of text.slice(from, to).matchAll(ROW)) {
    if (RULE.test(row[0])) continue
    const start = from + row.index
    found.push({ start, end: start + row[0].length, block, type: 'table' })
  }
}

function* endsIn(block: string): Generator<number> {
  for (const match of block.matchAll(END)) {
    if (!ABBREVIATION.test(block.slice(Math.max(0, match.index - 12), match.index + 1))) {
      yield match.index + match[0].length
    }
  }
}

function push(
  found: Sentence[],
  text: string,
  from: number,
  to: number,
  block: number,
  type: 'paragraph' | 'item',
): number {
  const piece = text.slice(from, to)
  const start = from + (piece.length - piece.trimStart().length)
  const end = from + piece.trimEnd().length
  if (start < end) found.push({ start, end, block, type })
  return to
}

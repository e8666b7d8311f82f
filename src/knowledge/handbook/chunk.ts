import { type Block, blocksOf } from '../../lib/text/markdown.ts'
import { sentencesOf } from '../../lib/text/sentences.ts'
import type { Asked } from './asked.ts'

/** A piece of a document, `document.slice(start, end)`, with the headings above it, the topmost first. */
export interface Chunk {
  readonly headings: readonly string[]
  /** How its author expects it to be asked for; empty where nothing is said. Never quoted. */
  readonly asked: string
  readonly start: number
  readonly end: number
}

/** Blocks under one heading are joined up to this size, in UTF-16 units. */
const TARGET_SIZE = 1_000
/** A block above this size is cut: listings and tables by the line, prose by the sentence. */
export const MAX_SIZE = 1_600

/**
 * Cuts Markdown along its structure. Chunks are in order, do not overlap, stay below one heading, hold every
 * word that is no heading or comment, and are never larger than MAX_SIZE. A single block is cut only above
 * that size. What a colon announces (a listing, a table, a list) stays with the block that announces it, up to
 * MAX_SIZE. A block that an entry of `asked` names begins a new chunk, and the entry's phrases belong to the text
 * from there up to the next such block or heading.
 */
export function chunksOf(document: string, named: readonly Asked[] = []): Chunk[] {
  const chunks: Chunk[] = []
  const path: { level: number; title: string }[] = []
  let asked = ''
  let open: { start: number; end: number } | undefined
  let announced: Block['type'] | undefined
  const close = (): void => {
    if (open !== undefined) chunks.push({ headings: path.map((heading) => heading.title), asked, ...open })
    open = undefined
  }
  for (const block of blocksOf(document)) {
    if (block.type === 'heading') {
      close()
      while ((path.at(-1)?.level ?? 0) >= block.level) path.pop()
      path.push({ level: block.level, title: block.title })
      asked = ''
      continue
    }
    if (block.type === 'comment') {
      close()
      continue
    }
    const entry = named.find(({ start }) => document.startsWith(start, block.start))
    if (entry !== undefined) {
      close()
      asked = entry.phrases
    }
    if (announced !== 'item' || block.type !== 'item') {
      announced = open !== undefined && document[open.end - 1] === ':' ? block.type : undefined
    }
    const bound = announced === undefined ? TARGET_SIZE : MAX_SIZE
    for (const piece of piecesOf(document, block)) {
      if (open !== undefined && piece.end - open.start > bound) close()
      open = { start: open?.start ?? piece.start, end: piece.end }
    }
  }
  close()
  return chunks
}

interface Span {
  readonly start: number
  readonly end: number
}

function piecesOf(document: string, block: Block): readonly Span[] {
  if (block.end - block.start <= MAX_SIZE) return [block]
  const text = document.slice(block.start, block.end)
  const cuts =
    block.type === 'code' || block.type === 'table' ? lineEnds(text) : sentencesOf(text).map((one) => one.end)
  const pieces: Span[] = []
  let start = 0
  let end = 0
  for (const cut of [...cuts, text.length]) {
    if (cut - start > TARGET_SIZE && end > start) {
      pieces.push(...bounded(text, start, end))
      start = end
    }
    end = Math.max(end, cut)
  }
  pieces.push(...bounded(text, start, end))
  return pieces.map((piece) => ({ start: block.start + piece.start, end: block.start + piece.end }))
}

function lineEnds(text: string): number[] {
  return [...text.matchAll(/\r\n|\n|\r/g)].map((match) => match.index + match[0].length)
}

/** Trims the span, and cuts what has no natural boundary by length, never through a surrogate pair. */
function bounded(text: string, from: number, to: number): Span[] {
  const spans: Span[] = []
  let start = from
  while (start < to) {
    let end = Math.min(to, start + MAX_SIZE)
    const last = text.charCodeAt(end - 1)
    if (end < to && last >= 0xd800 && last <= 0xdbff) end--
    const piece = text.slice(start, end)
    const lead = piece.length - piece.trimStart().length
    const length = piece.trim().length
    if (length > 0) spans.push({ start: start + lead, end: start + lead + length })
    start = end
  }
  return spans
}

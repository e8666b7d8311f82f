import { type Block, blocksOf } from '../../lib/text/markdown.ts'
import { piecesOf } from '../chunk/pieces.ts'
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
    const byLine = block.type === 'code' || block.type === 'table'
    for (const piece of piecesOf(document, block, byLine, { target: TARGET_SIZE, max: MAX_SIZE })) {
      if (open !== undefined && piece.end - open.start > bound) close()
      open = { start: open?.start ?? piece.start, end: piece.end }
    }
  }
  close()
  return chunks
}

import type { DocumentChunk } from '../collection/document.ts'
import { piecesOf, type Sizes } from './pieces.ts'

export type BlockKind = 'heading' | 'paragraph' | 'item' | 'table' | 'code' | 'record' | 'comment'

/** A block of a parsed text: `text.slice(start, end)`. Blocks are in order and do not overlap. */
export interface ParsedBlock {
  readonly kind: BlockKind
  /** UTF-16 offsets. */
  readonly start: number
  readonly end: number
  /** A heading's level, 1 the highest. */
  readonly level?: number
  /** A heading's words, where they are not the slice itself. */
  readonly title?: string
  /** From 1. */
  readonly page?: number
}

export interface Parsed {
  readonly text: string
  /** Empty where the document has none. */
  readonly title: string
  readonly blocks: readonly ParsedBlock[]
  /** The encoding that the bytes were read by, where it is not UTF-8 or the format's own matter. */
  readonly charset?: string
}

/** What `chunking-eval` likes best among the sizes tried (`npm run bench:chunking`). */
export const SIZES: Sizes = { target: 900, max: 1_400 }
/** What is shorter than this joins the section after it rather than stand alone: a heading with a line under it. */
const MIN_SIZE = 120

const BY_LINE: ReadonlySet<BlockKind> = new Set(['code', 'table', 'record'])

interface Open {
  readonly start: number
  end: number
  readonly headings: readonly string[]
  readonly page: number | undefined
  readonly kinds: Set<BlockKind>
  /** Nothing but headings so far. */
  bare: boolean
}

/**
 * Cuts a parsed document along its structure. A chunk begins with the headings that stand right above it and stays
 * below one heading; blocks are joined up to the target size and cut only above the maximum: tables, records and
 * code between lines, prose between sentences, and none lies on two pages. Chunks are in order, do not overlap, and miss nothing but white
 * space and comments. What a colon announces stays with what announces it.
 */
export function cut(parsed: Parsed, sizes: Sizes = SIZES): DocumentChunk[] {
  const chunks: DocumentChunk[] = []
  const path: { level: number; title: string }[] = []
  let open: Open | undefined
  const close = (): void => {
    if (open !== undefined) chunks.push(chunkOf(open))
    open = undefined
  }
  for (const block of parsed.blocks) {
    if (block.kind === 'comment') {
      close()
      continue
    }
    if (open !== undefined && open.page !== block.page) close()
    if (block.kind === 'heading') {
      if (open !== undefined && !open.bare && open.end - open.start >= MIN_SIZE) close()
      const level = block.level ?? 1
      while ((path.at(-1)?.level ?? 0) >= level) path.pop()
      path.push({ level, title: headingOf(parsed.text, block) })
    }
    const byLine = BY_LINE.has(block.kind)
    for (const piece of piecesOf(parsed.text, block, byLine, sizes)) {
      const announced: boolean = open !== undefined && parsed.text[open.end - 1] === ':'
      const bound = announced || open?.bare ? sizes.max : sizes.target
      if (open !== undefined && piece.end - open.start > bound) close()
      open ??= {
        start: piece.start,
        end: piece.end,
        headings: path.map(({ title }) => title),
        page: block.page,
        kinds: new Set(),
        bare: true,
      }
      open.end = piece.end
      if (block.kind !== 'heading') {
        // A section that begins under headings alone is of the last of them.
        if (open.bare) open = { ...open, headings: path.map(({ title }) => title), bare: false }
        open.kinds.add(block.kind)
      }
    }
  }
  close()
  return chunks
}

function chunkOf({ start, end, headings, page, kinds }: Open): DocumentChunk {
  const [only, ...more] = kinds
  const kind = only === undefined ? 'heading' : more.length > 0 ? 'mixed' : only
  return { start, end, kind, headings, ...(page !== undefined && { page }) }
}

const MAX_HEADING = 300

function headingOf(text: string, block: ParsedBlock): string {
  return (block.title ?? text.slice(block.start, block.end)).replace(/\s+/g, ' ').trim().slice(0, MAX_HEADING)
}

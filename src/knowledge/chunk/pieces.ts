import { sentencesOf } from '../../lib/text/sentences.ts'

/** UTF-16 offsets, `end` excluded. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Blocks under one heading are joined up to `target`; a block above `max` is cut. UTF-16 units. */
export interface Sizes {
  readonly target: number
  readonly max: number
}

/**
 * A block in pieces of at most `max`: itself where it fits, else cut at its lines (`byLine`: listings, tables) or at
 * its sentences into pieces of about `target`, and by length where it has neither. Never through a surrogate pair.
 */
export function piecesOf(document: string, block: Span, byLine: boolean, sizes: Sizes): readonly Span[] {
  if (block.end - block.start <= sizes.max) return [block]
  const text = document.slice(block.start, block.end)
  const cuts = byLine ? lineEnds(text) : sentencesOf(text).map((one) => one.end)
  const pieces: Span[] = []
  let start = 0
  let end = 0
  for (const cut of [...cuts, text.length]) {
    if (cut - start > sizes.target && end > start) {
      pieces.push(...bounded(text, start, end, sizes.max))
      start = end
    }
    end = Math.max(end, cut)
  }
  pieces.push(...bounded(text, start, end, sizes.max))
  return pieces.map((piece) => ({ start: block.start + piece.start, end: block.start + piece.end }))
}

function lineEnds(text: string): number[] {
  return [...text.matchAll(/\r\n|\n|\r/g)].map((match) => match.index + match[0].length)
}

/** Trims the span, and cuts what has no natural boundary by length. */
function bounded(text: string, from: number, to: number, max: number): Span[] {
  const spans: Span[] = []
  let start = from
  while (start < to) {
    let end = Math.min(to, start + max)
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

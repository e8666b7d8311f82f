import type { Span } from './spans.ts'

interface TextPart {
  readonly at: number
  readonly part: { readonly text: string }
  /** Where the part's text stands in the joined one. */
  readonly start: number
}

/** Two or more text parts of a message, side by side, as one text. */
export class TextRun {
  readonly text: string
  readonly #parts: readonly TextPart[]

  constructor(parts: readonly TextPart[]) {
    this.#parts = parts
    this.text = parts.map(({ part }) => part.text).join('')
  }

  /** The span begins in one part and ends in another. */
  isAcross({ start, end }: Span): boolean {
    return this.#indexAt(start) !== this.#indexAt(end - 1)
  }

  /** The place, in the message, of the part that holds this character. */
  partAt(position: number): number {
    return this.#parts[this.#indexAt(position)]?.at ?? 0
  }

  /** The parts that change where each of the ordered spans is replaced by its label: the label stands where the span began. */
  without(spans: readonly (Span & { readonly label: string })[]): Map<number, object> {
    const changed = new Map<number, object>()
    let next = 0
    for (const { at, part, start } of this.#parts) {
      const end = start + part.text.length
      let text = ''
      let from = start
      for (let span = spans[next]; span !== undefined && span.start < end; span = spans[next]) {
        text += this.text.slice(from, Math.max(from, span.start))
        if (span.start >= start) text += span.label
        from = Math.min(end, span.end)
        // The rest of a span that reaches into the next part is taken out there.
        if (span.end > end) break
        next++
      }
      if (from > start || text !== '') changed.set(at, { ...part, text: text + this.text.slice(from, end) })
    }
    return changed
  }

  #indexAt(position: number): number {
    let low = 0
    let high = this.#parts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#parts[middle]?.start ?? 0) <= position) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

/** The runs of text parts in a list; single ones need no joining. */
export function* textRuns(list: readonly unknown[]): Generator<TextRun> {
  let parts: TextPart[] = []
  let start = 0
  for (let at = 0; at <= list.length; at++) {
    const part = list[at]
    if (at < list.length && isTextPart(part)) {
      parts.push({ at, part, start })
      start += part.text.length
      continue
    }
    if (parts.length > 1) yield new TextRun(parts)
    parts = []
    start = 0
  }
}

function isTextPart(part: unknown): part is { readonly text: string } {
  if (typeof part !== 'object' || part === null || !('type' in part) || !('text' in part)) return false
  return part.type === 'text' && typeof part.text === 'string'
}

/** A run of text as a page draws it; `transform` is [a b c d x y] in points, the y axis upwards. */
export interface TextItem {
  readonly str: string
  readonly transform: readonly number[]
  readonly hasEOL: boolean
  /** Names the typeface within the document. */
  readonly fontName: string
}

/** A line of a page. */
export interface Line {
  readonly text: string
  readonly page: number
  /** Height of most of its type, in points, to halves; 0 where it is not told. */
  readonly size: number
  /** The typeface of all of its letters; empty where there are several. */
  readonly face: string
  /** Points above the page's lower edge. */
  readonly y: number
}

/** How far type may be moved up or down and still be of its line, as a share of its size: an index, an exponent. */
const SAME_LINE = 0.4

/** The lines of a page, in the order in which they are drawn; what is drawn on one height one after another is one line. */
export function linesOf(items: readonly TextItem[], page: number): Line[] {
  const lines: Line[] = []
  let open: Open | undefined
  const close = (): void => {
    const line = open?.finish(page)
    if (line !== undefined) lines.push(line)
    open = undefined
  }
  for (const item of items) {
    const [, , c = 0, d = 0, , y = 0] = item.transform
    const size = Math.hypot(c, d)
    if (item.str.trim() !== '') {
      if (open !== undefined && Math.abs(open.y - y) > SAME_LINE * Math.max(size, open.largest)) close()
      open ??= new Open(y)
      open.add(item.str, size, item.fontName)
    } else if (open !== undefined && item.str !== '') open.space()
    if (item.hasEOL) open?.space()
  }
  close()
  return lines
}

class Open {
  readonly y: number
  largest = 0
  #text = ''
  /** Characters by size. */
  readonly #sizes = new Map<number, number>()
  readonly #faces = new Set<string>()

  constructor(y: number) {
    this.y = y
  }

  add(text: string, size: number, face: string): void {
    if (/\p{L}/u.test(text)) this.#faces.add(face)
    const rounded = Math.round(size * 2) / 2
    this.largest = Math.max(this.largest, size)
    this.#text += text
    this.#sizes.set(rounded, (this.#sizes.get(rounded) ?? 0) + text.length)
  }

  space(): void {
    this.#text += ' '
  }

  finish(page: number): Line | undefined {
    // Soft hyphens and what stands for no character; ligatures and widths to their letters (NFKC would also turn ² to 2).
    const text = this.#text
      .replace(/[\u00ad\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
      .replace(/[\ufb00-\ufb06]/g, (ligature) => ligature.normalize('NFKC'))
      .replace(/\s+/g, ' ')
      .trim()
    if (text === '') return undefined
    const [face = '', ...others] = this.#faces
    return { text, page, size: mostOf(this.#sizes, 0), face: others.length === 0 ? face : '', y: this.y }
  }
}

/** The key of the largest number. */
export function mostOf<Key>(counts: ReadonlyMap<Key, number>, none: Key): Key {
  let [best, most] = [none, -1]
  for (const [key, count] of counts) if (count > most) [best, most] = [key, count]
  return best
}

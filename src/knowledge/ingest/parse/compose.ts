import type { BlockKind, Parsed, ParsedBlock } from '../../chunk/cut.ts'

/** UTF-16 units of one document's text. */
export const MAX_TEXT = 32 * 1024 * 1024

type Place = Pick<ParsedBlock, 'level' | 'page'>

/** Puts a document's text together block by block, for formats whose text is not the file itself. */
export class Composer {
  #parts: string[] = []
  #length = 0
  readonly #blocks: ParsedBlock[] = []

  /** Adds a block of text that is trimmed; nothing where it is empty. Throws above MAX_TEXT. */
  add(kind: BlockKind, text: string, place: Place = {}): void {
    if (text === '') return
    const before = this.#blocks.at(-1)
    const tight = before?.kind === kind && (kind === 'item' || kind === 'record')
    if (before !== undefined) this.#append(tight ? '\n' : '\n\n')
    const start = this.#length
    this.#append(text)
    this.#blocks.push({ kind, start, end: this.#length, ...place })
  }

  /** Adds a whole document, such as an attachment, without its pages: they are not this document's. */
  include({ text, blocks }: Parsed): void {
    if (text === '') return
    if (this.#length > 0) this.#append('\n\n')
    const base = this.#length
    this.#append(text)
    for (const { page: _, ...block } of blocks) {
      this.#blocks.push({ ...block, start: block.start + base, end: block.end + base })
    }
  }

  #append(text: string): void {
    this.#length += text.length
    if (this.#length > MAX_TEXT) throw tooLong()
    this.#parts.push(text)
  }

  finish(title: string): Parsed {
    return { text: this.#parts.join(''), title: oneLine(title), blocks: this.#blocks }
  }
}

export function tooLong(): Error {
  return new Error(`it holds more than ${MAX_TEXT} characters; split it`)
}

/** A text of one line, as a heading or a cell of a table is. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

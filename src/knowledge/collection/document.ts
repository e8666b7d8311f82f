/** A piece of a document's text, `text.slice(start, end)`: what is found, shown and quoted. */
export interface DocumentChunk {
  /** UTF-16 offsets into the document's text. */
  readonly start: number
  readonly end: number
  readonly kind: string
  /** The headings above it, the topmost first. */
  readonly headings: readonly string[]
  readonly page?: number
}

/** A document that has been read and cut, ready for a collection. */
export interface ReadDocument {
  /** Where it is from: a path, an address, an id. One document of a collection stands for one source. */
  readonly source: string
  /** SHA-256 of the bytes that it was read from, hex. */
  readonly version: string
  readonly mediaType: string
  /** Empty where it has none. */
  readonly title: string
  /** What else it is called, as a file is by its name: searched with the title, and not shown. */
  readonly name?: string
  /** Size of what it was read from. */
  readonly bytes: number
  readonly text: string
  readonly chunks: readonly DocumentChunk[]
}

const LEAD = /^\s*([^\n]{1,300}?)(?:[.?!](?=\s)|\n|$)/
const LEAD_LENGTH = 200

/** The words that head a chunk: title and headings, or where there are none its first sentence or line. */
export function headOf(document: ReadDocument, chunk: DocumentChunk): string {
  const named = [document.title, document.name ?? '', ...chunk.headings]
    .filter((words) => words !== '')
    .join('\n')
  if (named !== '') return named
  const text = document.text.slice(chunk.start, Math.min(chunk.end, chunk.start + 2 * LEAD_LENGTH))
  return LEAD.exec(text)?.[1] ?? text.slice(0, LEAD_LENGTH)
}

/** What a citation's id says: a document, the first digits of its version, and a span of UTF-16 offsets. */
export interface SpanId {
  readonly document: string
  readonly versionPrefix: string
  readonly start: number
  readonly end: number
}

const PREFIX_LENGTH = 12
const ID = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99}\.md)@([0-9a-f]{12}):(\d{1,9})-(\d{1,9})$/
const DOCUMENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.md$/

/** `tiers.md@3f9a1c0b7d2e:2210-2388`: fit for a URL's path and for a shell without quotes. */
export function formatId(document: string, version: string, start: number, end: number): string {
  return `${document}@${version.slice(0, PREFIX_LENGTH)}:${start}-${end}`
}

/** Undefined where the text is no such id, or its span is empty or backwards. */
export function parseId(text: string): SpanId | undefined {
  const [, document, versionPrefix, start, end] = ID.exec(text) ?? []
  if (document === undefined || versionPrefix === undefined) return undefined
  const span = { start: Number(start), end: Number(end) }
  return span.start < span.end ? { document, versionPrefix, ...span } : undefined
}

/** A name that may stand in an id: ASCII letters, digits, dots, dashes; Markdown only. */
export function isDocumentName(name: string): boolean {
  return DOCUMENT.test(name)
}

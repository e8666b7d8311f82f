/** A span of a collection's document, as a citation names it: by the number of its source, never by a name. */
export interface CollectionSpan {
  readonly collection: string
  /** The number of the source. */
  readonly origin: number
  readonly versionPrefix: string
  readonly start: number
  readonly end: number
}

const PREFIX_LENGTH = 12
const ID = /^([a-z0-9][a-z0-9._-]{0,63}):(\d{1,12})@([0-9a-f]{12}):(\d{1,9})-(\d{1,9})$/

/** `manuals:7@`: how every id of a source's spans begins, whatever its version. */
export function originPrefix(collection: string, origin: number): string {
  return `${collection}:${origin}@`
}

/** `manuals:7@3f9a1c0b7d2e:2210-2388`: fit for a URL's path and for a shell without quotes. */
export function formatSpan(
  collection: string,
  origin: number,
  version: string,
  start: number,
  end: number,
): string {
  return `${originPrefix(collection, origin)}${version.slice(0, PREFIX_LENGTH)}:${start}-${end}`
}

/** Undefined where the text is no such id, or its span is empty or backwards. */
export function parseSpan(text: string): CollectionSpan | undefined {
  const [, collection, origin, versionPrefix, from, to] = ID.exec(text) ?? []
  if (collection === undefined || versionPrefix === undefined) return undefined
  const [start, end] = [Number(from), Number(to)]
  return start < end ? { collection, origin: Number(origin), versionPrefix, start, end } : undefined
}

import type { DocumentFilter } from '../../contract/filter.ts'

/** What a filter looks at. */
export interface Filterable {
  /** The document's number. */
  readonly id: number
  readonly source: string
  readonly mediaType: string
  readonly labels: readonly string[]
  /** Milliseconds since the epoch. */
  readonly added: number
}

/** Tells whether all that the filter names holds for a document. */
export function filterOf(filter: DocumentFilter): (document: Omit<Filterable, 'id'>) => boolean {
  const { source, mediaType, label, addedAfter, addedBefore } = filter
  const from = addedAfter === undefined ? Number.NEGATIVE_INFINITY : Date.parse(addedAfter)
  const until = addedBefore === undefined ? Number.POSITIVE_INFINITY : Date.parse(addedBefore)
  const pattern = source === undefined || WILD.test(source) ? source : `${source}*`
  return (document) =>
    (pattern === undefined || matches(pattern, document.source)) &&
    (mediaType === undefined || matches(mediaType, document.mediaType.replace(PARAMETERS, ''))) &&
    (label === undefined || document.labels.includes(label)) &&
    document.added >= from &&
    document.added < until
}

const WILD = /[*?]/
/** What follows a media type, as an encoding does. */
const PARAMETERS = /\s*;.*$/

/**
 * True where a pattern covers the whole of a text. It goes back to the last `*` alone, so that no pattern costs more
 * than the product of both lengths.
 */
export function matches(pattern: string, text: string): boolean {
  let [at, here, star, mark] = [0, 0, -1, 0]
  while (here < text.length) {
    if (pattern[at] === '*') {
      star = at++
      mark = here
    } else if (pattern[at] === '?' || pattern[at] === text[here]) {
      at++
      here++
    } else if (star >= 0) {
      at = star + 1
      here = ++mark
    } else return false
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

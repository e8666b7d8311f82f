import { type Refusal, refuse } from '../../contract/problem.ts'
import type { StoredDocument } from '../collection/origins.ts'
import type { OpenedCitation } from '../handbook/open-citation.ts'
import type { CollectionSpan } from './span-id.ts'

/** Lines of the document that are shown before and after a quotation. */
const CONTEXT_LINES = 3

/** Opens a span of a collection's document as it stands. Of earlier versions nothing is kept. */
export function openSpan(
  id: string,
  { versionPrefix, start, end }: CollectionSpan,
  document: StoredDocument | undefined,
): OpenedCitation | Refusal {
  if (document?.version.startsWith(versionPrefix) !== true || end > document.text.length) {
    const message =
      'There is nothing behind this citation that this key may read: the document has been changed or removed since, or the id comes from elsewhere. Ask the question again for a fresh citation.'
    return refuse('not_found', message, { param: 'id' })
  }
  const { source, version, text } = document
  const chunk = document.chunks.find((one) => one.start <= start && end <= one.end)
  const before = text.slice(0, start)
  return {
    id,
    document: source,
    headings: [...(chunk?.headings ?? [])],
    version,
    start,
    end,
    line: before.split('\n').length,
    before: before
      .split('\n')
      .slice(-CONTEXT_LINES - 1)
      .join('\n'),
    quote: text.slice(start, end),
    after: text
      .slice(end)
      .split('\n')
      .slice(0, CONTEXT_LINES + 1)
      .join('\n'),
    verified: true,
    state: 'current',
    ...(chunk?.page === undefined ? {} : { page: chunk.page }),
  }
}

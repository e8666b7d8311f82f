import { createHash } from 'node:crypto'
import type { DocumentChunk, ReadDocument } from '../collection/document.ts'
import type { BeirRecord } from './beir.ts'

/** `page#part`, or a number at the end, with a word for a part before it if need be: `file_chunk_12`, `talk:7`. */
const PART =
  /#[^#]*$|[_:./-]+(?:(?:chunk|page|paragraph|para|part|passage|p|section|sec|segment|seg|split)[_:-]?)?\d+$/i
/** Where a "document" would have more parts than this, or this share of all, the ids say something else. */
const MAX_PARTS = 1_000
const MAX_SHARE = 0.25
/** Of few records a large share may well be one document. */
const ANY_PARTS = 64

/**
 * Records that are parts of one document, as far as their ids say so, by the document. Where the ids are
 * numbered through (`MED-1` … `MED-3633`), every record is a document of its own.
 */
export function groupedByDocument(records: readonly BeirRecord[]): Map<string, BeirRecord[]> {
  const groups = new Map<string, BeirRecord[]>()
  for (const record of records) {
    const parent = record._id.slice(0, PART.exec(record._id)?.index) || record._id
    const group = groups.get(parent)
    if (group === undefined) groups.set(parent, [record])
    else group.push(record)
  }
  const bound = Math.min(MAX_PARTS, Math.max(ANY_PARTS, MAX_SHARE * records.length))
  const sound = [...groups.values()].every(({ length }) => length <= bound)
  return sound ? groups : new Map(records.map((record) => [record._id, [record]]))
}

/** A document whose chunks are the records, each the title (where there is one) and the text as they stand. */
export function documentOf(source: string, records: readonly BeirRecord[]): ReadDocument {
  const chunks: DocumentChunk[] = []
  let text = ''
  for (const record of records) {
    const own = record.title === '' ? record.text : `${record.title}\n${record.text}`
    const headings = record.title === '' ? [] : [record.title]
    chunks.push({ start: text.length, end: text.length + own.length, kind: 'paragraph', headings })
    text += `${own}\n\n`
  }
  return {
    source,
    version: createHash('sha256').update(text).digest('hex'),
    mediaType: 'text/plain',
    title: '',
    bytes: Buffer.byteLength(text),
    text,
    chunks,
  }
}

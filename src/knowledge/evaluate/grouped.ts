import { createHash } from 'node:crypto'
import type { DocumentChunk, ReadDocument } from '../collection/document.ts'
import type { BeirRecord } from './beir.ts'

/** `page#part`, or a number at the end, with a word before it if need be: `file_chunk_12`, `page-3`, `talk:7`. */
const FRAGMENT = /^(.+)#[^#]*$/
const NUMBERED = /^(.*\p{L}.*|.*\d.*)[_:./-]+(?:\p{L}+[_:-]?)?\d+$/u
/** Where a "document" would have more parts than this, and than this share of all, the ids say something else. */
const MAX_PARTS = 64
const MAX_SHARE = 0.25

/**
 * Records that are parts of one document, as far as their ids say so, by the document. Where the ids are
 * numbered through (`MED-1` … `MED-3633`), every record is a document of its own.
 */
export function groupedByDocument(records: readonly BeirRecord[]): Map<string, BeirRecord[]> {
  const groups = new Map<string, BeirRecord[]>()
  for (const record of records) {
    const parent = (FRAGMENT.exec(record._id) ?? NUMBERED.exec(record._id))?.[1] ?? record._id
    const group = groups.get(parent)
    if (group === undefined) groups.set(parent, [record])
    else group.push(record)
  }
  const bound = Math.max(MAX_PARTS, MAX_SHARE * records.length)
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

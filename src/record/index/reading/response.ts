import type { TextRef } from '../../../contract/entry.ts'
import type { ChainGap, KeptText, ResponseChain, ResponseLink, ResponseQuery } from '../query.ts'
import { type Columns, number, readDetail, textOrNull } from '../rows.ts'
import { detailOf, refsOf } from './one.ts'
import type { Source } from './reading.ts'

/**
 * A response of a key with those that it goes on from, newest first. Nothing is stored for it but a row: its texts are
 * those of its requests, and where one of them is gone the chain ends there, with the reason.
 */
export function chainOf(source: Source, query: ResponseQuery): ResponseChain {
  const oldest = oldestKept(source, query)
  const links: ResponseLink[] = []
  let bytes = 0
  let next: string | null = query.id
  while (next !== null) {
    if (links.length >= query.links) return { links, end: 'links', at: next }
    const found = find(source, query, next)
    if (found === undefined) return { links, end: 'unknown', at: next }
    bytes += number(found, 'response_bytes')
    if (bytes > query.bytes && links.length > 0) return { links, end: 'bytes', at: next }
    const late = number(found, 'seq') < oldest || number(found, 'at') < query.kept.since
    const link = late ? 'expired' : read(source, found)
    if (typeof link === 'string') return { links, end: link, at: next }
    links.push(link)
    next = link.previous
  }
  return { links, end: 'whole', at: null }
}

/** The seq of the oldest response that the bounds of the key leave; beyond all where they leave none. */
function oldestKept({ store }: Source, { key, kept }: ResponseQuery): number {
  const row = store
    .prepare(
      `SELECT min(seq) AS oldest FROM (
         SELECT seq, sum(bytes) OVER (ORDER BY seq DESC) AS total
         FROM (SELECT seq, bytes FROM response WHERE key = ? ORDER BY seq DESC LIMIT ?)
       ) WHERE total <= ?`,
    )
    .get(key, kept.count, kept.bytes)
  return typeof row?.['oldest'] === 'number' ? row['oldest'] : Number.POSITIVE_INFINITY
}

/** Another key's id finds what an id that never was finds: nothing. */
function find(source: Source, { key }: ResponseQuery, id: string): Columns | undefined {
  return source.store
    .prepare(
      `SELECT request.*, detail.*, response.previous, response.bytes AS response_bytes
       FROM request JOIN detail USING (seq) JOIN response USING (seq)
       WHERE request.id = ? AND request.key = ? AND seq > ?`,
    )
    .get(id, key, source.floor())
}

function read(source: Source, columns: Columns): ResponseLink | ChainGap {
  const subject = textOrNull(columns, 'subject')
  const refs = refsOf(columns)
  if (columns['erased'] === 1 || subject === null || refs.prompt === undefined) return 'erased'
  const text = (ref: TextRef): KeptText => source.readText(subject, ref)
  const prompt = text(refs.prompt)
  if (prompt.type !== 'text') return prompt.type
  const answer = refs.answer === undefined ? undefined : text(refs.answer)
  if (answer !== undefined && answer.type !== 'text') return answer.type
  return {
    request: detailOf(source, columns, false),
    previous: textOrNull(columns, 'previous'),
    usage: readDetail(columns).usage ?? null,
    prompt: characters(prompt.text),
    answer: answer === undefined ? null : characters(answer.text),
  }
}

function characters(text: Uint8Array): string {
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8')
}

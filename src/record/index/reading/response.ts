import type { StatementSync } from 'node:sqlite'
import type { TextRef } from '../../../contract/entry.ts'
import type { ChainGap, KeptText, ResponseChain, ResponseLink, ResponseQuery } from '../query.ts'
import { type Columns, number, readDetail, textOrNull } from '../rows.ts'
import { refsOf } from './one.ts'
import type { Source } from './reading.ts'
import { viewOf } from './view.ts'

/**
 * A response of a key with those that it goes on from, newest first. Nothing is stored for it but a row: its texts are
 * those of its requests, and where one of them is gone the chain ends there, with the reason.
 */
export function chainOf(source: Source, query: ResponseQuery): ResponseChain {
  // Another key's id finds what an id that never was finds: nothing.
  const found = source.store.prepare(
    `SELECT request.*, detail.*, response.previous, response.bytes AS response_bytes
     FROM request JOIN detail USING (seq) JOIN response USING (seq)
     WHERE request.id = ? AND request.key = ? AND seq > ?`,
  )
  const kept = new Kept(source, query)
  const links: ResponseLink[] = []
  let bytes = 0
  let next: string | null = query.id
  while (next !== null) {
    if (links.length >= query.links) return { links, end: 'links', at: next }
    const columns: Columns | undefined = found.get(next, query.key, source.floor())
    if (columns === undefined) return { links, end: 'unknown', at: next }
    bytes += number(columns, 'response_bytes')
    if (bytes > query.bytes && links.length > 0) return { links, end: 'bytes', at: next }
    const link: ResponseLink | ChainGap = kept.holds(columns) ? read(source, columns) : 'expired'
    if (typeof link === 'string') return { links, end: link, at: next }
    links.push(link)
    next = link.previous
  }
  return { links, end: 'whole', at: null }
}

/** What the bounds of a key leave of its responses. Asked from the newest on, it counts every newer one once. */
class Kept {
  readonly #query: ResponseQuery
  readonly #between: StatementSync
  #before = Number.MAX_SAFE_INTEGER
  #count = 0
  #bytes = 0

  constructor({ store }: Source, query: ResponseQuery) {
    this.#query = query
    this.#between = store.prepare(
      `SELECT count(*) AS count, sum(bytes) AS bytes
       FROM (SELECT bytes FROM response WHERE key = ? AND seq >= ? AND seq < ? LIMIT ?)`,
    )
  }

  holds(columns: Columns): boolean {
    const { key, kept } = this.#query
    const seq = number(columns, 'seq')
    const between = this.#between.get(key, seq, this.#before, kept.count + 1) ?? {}
    this.#before = seq
    this.#count += number(between, 'count')
    this.#bytes += number(between, 'bytes')
    const fits = this.#count <= kept.count && this.#bytes <= kept.bytes
    return fits && number(columns, 'at') >= kept.since
  }
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
  const { plan, verdicts, sources, usage } = readDetail(columns)
  return {
    request: viewOf(columns),
    ...(plan === undefined ? {} : { plan }),
    verdicts: verdicts ?? [],
    sources: sources ?? [],
    ...(usage === undefined ? {} : { usage }),
    previous: textOrNull(columns, 'previous'),
    prompt: characters(prompt.text),
    answer: answer === undefined ? null : characters(answer.text),
  }
}

function characters(text: Uint8Array): string {
  return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8')
}

import { type Counts, type LexicalIndex, type Query, rarityOf } from '../retrieve/lexical.ts'
import { DEFAULT_SETTINGS, type Settings } from '../retrieve/settings.ts'
import type { KnownItem } from './known-items.ts'

type Bm25 = Pick<Settings, 'k1' | 'b' | 'head' | 'document'>

/** Far corners of what the tuning may choose: what any of them ranks high is in the pool. */
const POOL_SETTINGS: readonly Bm25[] = [
  DEFAULT_SETTINGS,
  { k1: 0.6, b: 0.4, head: 0, document: 0 },
  { k1: 2.5, b: 0.95, head: 1.5, document: 0.8 },
]
const POOL_DEPTH = 40
/** Counts of a term in a chunk: head, body, document. */
const COUNTS = 3

export interface Place {
  readonly segment: number
  readonly chunk: number
}

/** A pool's scores for one choice of settings: the rivals', and what is left of the chunk that is sought. */
export interface PoolScores {
  readonly rivals: Float64Array
  readonly sought: number
}

/**
 * DESIGN. To try some two hundred settings on hundreds of queries without as many searches, each query is searched
 * a few times with settings far apart, and the counts of what came up are kept: any settings can then be
 * scored on them in microseconds, by the very formula of `LexicalIndex`. The chunk that is sought is scored
 * by its counts less those of the removed sentence.
 */
export class Pool {
  readonly rivals: readonly Place[]
  readonly #weights: Float64Array
  readonly #documentWeights: Float64Array
  /** Counts by chunk and term; the last chunk is the one that is sought. */
  readonly #counts: Float64Array
  /** Lengths by chunk, as shares of the means. */
  readonly #lengths: Float64Array

  constructor(item: KnownItem, query: Query, rivals: readonly Place[], index: LexicalIndex) {
    const terms = [...query].filter(([term]) => index.frequency(term).chunks > 0)
    this.rivals = rivals
    const rows = this.rivals.length + 1
    this.#counts = new Float64Array(rows * terms.length * COUNTS)
    this.#lengths = new Float64Array(rows * COUNTS)
    this.#weights = new Float64Array(terms.length)
    this.#documentWeights = new Float64Array(terms.length)
    for (const [column, [term, weight]] of terms.entries()) {
      const { chunks, documents } = index.frequency(term)
      this.#weights[column] = weight * rarityOf(chunks, index.chunks)
      this.#documentWeights[column] = weight * rarityOf(documents, index.documents)
      for (const [row, rival] of this.rivals.entries()) this.#put(row, column, index.counts(rival, term))
      const removed = item.removed.get(term) ?? 0
      const { head, body, document } = index.counts(item.at, term)
      this.#put(rows - 1, column, { head, body: body - removed, document: document - removed })
    }
    for (const [row, rival] of this.rivals.entries()) this.#putLengths(row, index.lengths(rival))
    const { head, body, document } = index.lengths(item.at)
    const means = index.meanLengths
    this.#putLengths(rows - 1, {
      head,
      body: Math.max(0, body - item.removedLength / means.body),
      document: Math.max(0, document - item.removedLength / means.document),
    })
  }

  #put(row: number, column: number, { head, body, document }: Counts): void {
    const at = (row * this.#weights.length + column) * COUNTS
    this.#counts[at] = head
    this.#counts[at + 1] = Math.max(0, body)
    this.#counts[at + 2] = Math.max(0, document)
  }

  #putLengths(row: number, { head, body, document }: Counts): void {
    this.#lengths.set([head, body, document], row * COUNTS)
  }

  scores(settings: Bm25): PoolScores {
    const rivals = new Float64Array(this.rivals.length)
    for (let row = 0; row < rivals.length; row++) rivals[row] = this.#score(row, settings)
    return { rivals, sought: this.#score(rivals.length, settings) }
  }

  #score(row: number, { k1, b, head, document }: Bm25): number {
    const counts = this.#counts
    const norm = (field: number): number => 1 - b + b * (this.#lengths[row * COUNTS + field] ?? 0) || 1
    const [inHead, inBody, inDocument] = [norm(0), norm(1), norm(2)]
    const columns = this.#weights.length
    let own = 0
    let whole = 0
    for (let column = 0; column < columns; column++) {
      const at = (row * columns + column) * COUNTS
      const count = (counts[at + 1] ?? 0) / inBody + (head * (counts[at] ?? 0)) / inHead
      if (count > 0) own += ((this.#weights[column] ?? 0) * count) / (count + k1)
      const around = (counts[at + 2] ?? 0) / inDocument
      if (around > 0) whole += ((this.#documentWeights[column] ?? 0) * around) / (around + k1)
    }
    return own > 0 ? (k1 + 1) * (own + document * whole) : 0
  }
}

/** What stands high for a query under any of several settings, less what is sought. */
export function rivalsOf(
  item: KnownItem,
  searches: readonly { readonly query: Query; readonly settings: Bm25 }[],
  index: LexicalIndex,
): Place[] {
  const found = new Map<string, Place>()
  for (const { query, settings } of searches) {
    for (const { segment, chunk } of index.search(query, settings, POOL_DEPTH)) {
      if (segment === item.at.segment && chunk === item.at.chunk) continue
      found.set(`${segment}:${chunk}`, { segment, chunk })
    }
  }
  return [...found.values()]
}

/** A query's pool for settings as far apart as the tuning may choose. */
export function widePool(item: KnownItem, index: LexicalIndex): Pool {
  const searches = POOL_SETTINGS.map((settings) => ({ query: item.query, settings }))
  return new Pool(item, item.query, rivalsOf(item, searches, index), index)
}

/** nDCG with one relevant chunk; who ties with it stands before it. Not cut at rank 10: a smoother yardstick. */
export function gainOf({ rivals, sought }: PoolScores): number {
  if (sought <= 0) return 0
  let rank = 1
  for (const score of rivals) if (score >= sought) rank++
  return 1 / Math.log2(rank + 1)
}

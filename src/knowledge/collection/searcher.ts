import type { StatementSync } from 'node:sqlite'
import type { DocumentFilter } from '../../contract/filter.ts'
import type { Store } from '../../store/open.ts'
import { type LsaModel, lsaVector, lsaVectors } from '../embed/lsa.ts'
import { widenedTerms } from '../index/query.ts'
import type { Segment } from '../index/segment.ts'
import { DenseIndex, FUSED_DEPTH, fused } from '../retrieve/dense.ts'
import { expansionOf, FEEDBACK_CHUNKS, mixed } from '../retrieve/feedback.ts'
import { LexicalIndex, type Mask, type Query, type Ranked } from '../retrieve/lexical.ts'
import type { Settings } from '../retrieve/settings.ts'
import type { Sample } from '../tune/known-items.ts'
import type { Tunable } from '../tune/tune.ts'
import type { AskedVector } from '../vectors/chunk-vectors.ts'
import { embeddedText } from '../vectors/store.ts'
import { filterOf } from './filter.ts'
import { type Held, seenKey, seenOf } from './held.ts'
import { type Trust, trustOf } from './origins.ts'

/** A chunk that was found, with all that a citation of it needs. */
export interface Hit {
  readonly score: number
  readonly source: string
  /** The source's number. */
  readonly origin: number
  readonly trust: Trust
  /** When the document was read, milliseconds since the epoch. */
  readonly readAt: number
  readonly title: string
  readonly version: string
  readonly headings: readonly string[]
  readonly kind: string
  readonly page?: number
  /** UTF-16 offsets into the document's text; `text` is what stands there. */
  readonly start: number
  readonly end: number
  readonly text: string
  /** What a reranker made of it, on that model's own scale; absent where none has read it. */
  readonly reranked?: number
}

/** Views of one collection that are kept; the one that was used longest ago makes room. */
const MAX_VIEWS = 8
/** Texts that are read for the feedback and the tuning are cut here. */
const MAX_READ = 20_000

/** What a search may have beside its question. */
export interface Narrower {
  /** Documents that are left out before anything is ranked. */
  readonly filter?: DocumentFilter | undefined
  /** By the nearness of the engine's vectors too, and not of the collection's semantics. */
  readonly asked?: AskedVector | undefined
}

/** One collection at one moment: its index in memory, its texts read when they are asked for. */
export class Searcher implements Tunable {
  readonly index: LexicalIndex
  readonly segments: readonly Segment[]
  #semantics: { readonly model: LsaModel; readonly index: DenseIndex } | undefined
  /** Ids of the chunks of each segment, by place. */
  readonly #chunks: readonly Float64Array[]
  readonly #store: Store
  readonly #held: Held
  readonly #views = new Map<string, Searcher>()
  readonly #readChunk: StatementSync

  constructor(store: Store, held: Held) {
    this.#store = store
    this.#held = held
    this.#readChunk = store.prepare(
      `SELECT document, document.source, origin.id AS origin, trust, added, title, version, headings, kind, page,
              start, "end"
       FROM chunk JOIN document ON document.id = chunk.document
       JOIN origin ON origin.collection = document.collection AND origin.source = document.source
       WHERE chunk.id = ?`,
    )
    this.#chunks = held.parts.map((one) => one.chunks)
    this.segments = held.parts.map(({ segment }) => segment)
    this.index = new LexicalIndex(this.segments)
    const { model } = held
    if (model !== undefined) {
      this.#semantics = { model, index: new DenseIndex(model.dimensions, this.segments.map(held.vectorsOf)) }
    }
  }

  /**
   * The collection for somebody who holds these labels: every count, score and text of it is that of a collection in
   * which the documents that are hidden never were.
   */
  seenBy(labels: readonly string[]): Searcher {
    const key = seenKey(this.#held, labels)
    if (!key.includes('0')) return this
    const view = this.#views.get(key) ?? new Searcher(this.#store, seenOf(this.#held, labels))
    this.#views.delete(key)
    this.#views.set(key, view)
    const [oldest] = this.#views.keys()
    if (this.#views.size > MAX_VIEWS && oldest !== undefined) this.#views.delete(oldest)
    return view
  }

  /** Searches with this model where the settings give it a weight; the chunks' vectors are made of their postings. */
  useSemantics(model: LsaModel): void {
    const vectors = this.segments.map((segment) => lsaVectors(model, segment))
    this.#semantics = { model, index: new DenseIndex(model.dimensions, vectors) }
  }

  /** The `limit` best chunks, the best first; without their texts. */
  rank(question: string, settings: Settings, limit: number, { filter, asked }: Narrower = {}): Ranked[] {
    const query = widenedTerms(question, (character) => this.index.pairsWith(character))
    const mask = filter && this.#maskOf(filter)
    const dense = this.#dense(query, settings, asked)
    if (dense === undefined) return this.#lexical(query, settings, limit, mask)
    const depth = Math.max(limit, FUSED_DEPTH)
    const near = dense.index.search(dense.vector, depth, mask)
    return fused(this.#lexical(query, settings, depth, mask), near, dense.weight, limit)
  }

  #dense(query: Query, settings: Settings, asked: AskedVector | undefined) {
    const index = asked && this.engineVectors(asked.model, asked.vector.length)
    if (asked !== undefined && index !== undefined) return { index, ...asked }
    if (settings.dense === 0 || this.#semantics === undefined) return undefined
    const { model } = this.#semantics
    return { index: this.#semantics.index, vector: lsaVector(model, query), weight: settings.dense }
  }

  /** The vectors that a model has made of the chunks; undefined where there are none of this length. */
  engineVectors(model: string, dimensions: number): DenseIndex | undefined {
    return this.#held.vectors.index(model, dimensions, this.#chunks)
  }

  /** Chunks that have no vector of the engine yet, once its vectors were searched. */
  get unembedded(): number {
    return this.#held.vectors.missing(this.#chunks)
  }

  /** Bytes of memory that the engine's vectors take, in all views together; 0 until they are searched. */
  get vectorBytes(): number {
    return this.#held.vectors.bytes
  }

  #lexical(query: Query, settings: Settings, limit: number, mask?: Mask): Ranked[] {
    const first = this.index.search(query, settings, Math.max(limit, FEEDBACK_CHUNKS), mask)
    if (settings.feedback === 0) return first.slice(0, limit)
    const lent = first
      .slice(0, FEEDBACK_CHUNKS)
      .map(({ segment, chunk, score }) => ({ text: this.text(segment, chunk), score }))
    const wider = mixed(query, expansionOf(lent, this.index), settings.feedback)
    return this.index.search(wider, settings, limit, mask)
  }

  /** Chunks of the documents that a filter leaves. */
  #maskOf(filter: DocumentFilter): Mask {
    const isWanted = filterOf(filter)
    const wanted = new Set(this.#held.filterables().flatMap((one) => (isWanted(one) ? one.id : [])))
    return this.#held.parts.map(({ documents }) => {
      const mask = new Uint8Array(documents.length)
      for (let chunk = 0; chunk < mask.length; chunk++)
        mask[chunk] = wanted.has(documents[chunk] ?? 0) ? 1 : 0
      return mask
    })
  }

  /** The `limit` best chunks with their texts. What has been removed since this was read is left out. */
  search(question: string, settings: Settings, limit: number, narrower: Narrower = {}): Hit[] {
    return this.rank(question, settings, limit, narrower).flatMap((ranked) => this.hit(ranked) ?? [])
  }

  /** Undefined where it has been removed since. */
  hit({ segment, chunk, score }: Ranked): Hit | undefined {
    const row = this.#row(segment, chunk)
    if (row === undefined) return undefined
    const [start, end] = [Number(row['start']), Number(row['end'])]
    return {
      score,
      source: String(row['source']),
      origin: Number(row['origin']),
      trust: trustOf(row['trust']),
      readAt: Number(row['added']),
      title: String(row['title']),
      version: String(row['version']),
      headings: JSON.parse(String(row['headings'])) as string[], // written by Segments alone
      kind: String(row['kind']),
      ...(row['page'] !== null && { page: Number(row['page']) }),
      start,
      end,
      text: this.#text(Number(row['document'])).slice(start, end),
    }
  }

  sample(limit: number): Sample[] {
    const step = Math.max(1, this.index.chunks / limit)
    const samples: Sample[] = []
    let [segment, before] = [0, 0]
    for (let at = 0; at < this.index.chunks && samples.length < limit; at += step) {
      while (Math.floor(at) - before >= (this.#chunks[segment]?.length ?? Number.POSITIVE_INFINITY)) {
        before += this.#chunks[segment]?.length ?? 0
        segment++
      }
      const chunk = Math.floor(at) - before
      samples.push({ segment, chunk, text: this.text(segment, chunk) })
    }
    return samples
  }

  /** A chunk's text, cut at a bound; empty where it has been removed since. */
  text(segment: number, chunk: number): string {
    const row = this.#row(segment, chunk)
    if (row === undefined) return ''
    const start = Number(row['start'])
    return this.#text(Number(row['document'])).slice(start, Math.min(Number(row['end']), start + MAX_READ))
  }

  /** What an embedding model gets of a chunk. */
  embeddedText(segment: number, chunk: number): string {
    const row = this.#row(segment, chunk)
    const headings = row === undefined ? [] : (JSON.parse(String(row['headings'])) as string[]) // as in `hit`
    return embeddedText(String(row?.['title'] ?? ''), headings, this.text(segment, chunk))
  }

  #row(segment: number, chunk: number): Record<string, unknown> | undefined {
    return this.#readChunk.get(this.#chunks[segment]?.[chunk] ?? -1)
  }

  #text(document: number): string {
    return this.#held.texts.of(document)
  }
}

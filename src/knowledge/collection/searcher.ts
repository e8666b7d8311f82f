import type { StatementSync } from 'node:sqlite'
import type { Store } from '../../store/open.ts'
import { decodeModel } from '../embed/encode.ts'
import { type LsaModel, lsaVector, lsaVectors } from '../embed/lsa.ts'
import { queryTerms } from '../index/query.ts'
import type { Segment } from '../index/segment.ts'
import { DenseIndex, FUSED_DEPTH, fused } from '../retrieve/dense.ts'
import { expansionOf, FEEDBACK_CHUNKS, mixed } from '../retrieve/feedback.ts'
import { LexicalIndex, type Query, type Ranked } from '../retrieve/lexical.ts'
import type { Settings } from '../retrieve/settings.ts'
import type { Sample } from '../tune/known-items.ts'
import type { Tunable } from '../tune/tune.ts'
import { type AskedVector, ChunkVectors } from '../vectors/chunk-vectors.ts'
import { embeddedText } from '../vectors/store.ts'
import { type Trust, trustOf } from './origins.ts'
import type { Segments } from './segments.ts'

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

/** Texts of documents that were read last, in UTF-16 units altogether. */
const MAX_CACHED = 32 * 1024 * 1024
/** Texts that are read for the feedback and the tuning are cut here. */
const MAX_READ = 20_000

/** One collection at one moment: its index in memory, its texts read when they are asked for. */
export class Searcher implements Tunable {
  readonly index: LexicalIndex
  readonly segments: readonly Segment[]
  #semantics: { readonly model: LsaModel; readonly index: DenseIndex } | undefined
  readonly #vectors: ChunkVectors
  /** Ids of the chunks of each segment, by place. */
  readonly #chunks: readonly Float64Array[]
  readonly #readChunk: StatementSync
  readonly #readText: StatementSync
  readonly #texts = new Map<number, string>()
  #cached = 0

  constructor(store: Store, segments: Segments, collection: number) {
    this.#readChunk = store.prepare(
      `SELECT document, document.source, origin.id AS origin, trust, added, title, version, headings, kind, page,
              start, "end"
       FROM chunk JOIN document ON document.id = chunk.document
       JOIN origin ON origin.collection = document.collection AND origin.source = document.source
       WHERE chunk.id = ?`,
    )
    this.#readText = store.prepare('SELECT text FROM document WHERE id = ?')
    const chunks = store.prepare('SELECT id FROM chunk WHERE segment = ? ORDER BY place')
    // In a transaction, so that all of it is of one moment.
    const read = store.transaction(() => {
      const semantics = store.prepare('SELECT semantics FROM collection WHERE id = ?').get(collection)
      const parts = segments.of(collection).map((id) => ({
        segment: segments.read(id),
        chunks: Float64Array.from(chunks.all(id), (row) => Number(row['id'])),
      }))
      return { parts, semantics: semantics?.['semantics'] }
    })
    this.#chunks = read.parts.map((one) => one.chunks)
    this.#vectors = new ChunkVectors(store, collection, this.#chunks)
    this.segments = read.parts.map(({ segment }) => segment)
    this.index = new LexicalIndex(this.segments)
    if (read.semantics instanceof Uint8Array) this.useSemantics(decodeModel(read.semantics))
  }

  /** Searches with this model where the settings give it a weight; the chunks' vectors are made of their postings. */
  useSemantics(model: LsaModel): void {
    const vectors = this.segments.map((segment) => lsaVectors(model, segment))
    this.#semantics = { model, index: new DenseIndex(model.dimensions, vectors) }
  }

  /**
   * The `limit` best chunks, the best first; without their texts. `asked`: by the nearness of the engine's vectors too,
   * and not of the collection's semantics.
   */
  rank(question: string, settings: Settings, limit: number, asked?: AskedVector): Ranked[] {
    const query = queryTerms(question)
    const dense = this.#dense(query, settings, asked)
    if (dense === undefined) return this.#lexical(query, settings, limit)
    const depth = Math.max(limit, FUSED_DEPTH)
    const near = dense.index.search(dense.vector, depth)
    return fused(this.#lexical(query, settings, depth), near, dense.weight, limit)
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
    return this.#vectors.index(model, dimensions)
  }

  /** Bytes of memory that the engine's vectors take; 0 until they are searched. */
  get vectorBytes(): number {
    return this.#vectors.bytes
  }

  #lexical(query: Query, settings: Settings, limit: number): Ranked[] {
    const first = this.index.search(query, settings, Math.max(limit, FEEDBACK_CHUNKS))
    if (settings.feedback === 0) return first.slice(0, limit)
    const lent = first
      .slice(0, FEEDBACK_CHUNKS)
      .map(({ segment, chunk, score }) => ({ text: this.text(segment, chunk), score }))
    return this.index.search(mixed(query, expansionOf(lent, this.index), settings.feedback), settings, limit)
  }

  /** The `limit` best chunks with their texts. What has been removed since this was read is left out. */
  search(question: string, settings: Settings, limit: number, asked?: AskedVector): Hit[] {
    return this.rank(question, settings, limit, asked).flatMap((ranked) => this.hit(ranked) ?? [])
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
    const known = this.#texts.get(document)
    if (known !== undefined) return known
    const row = this.#readText.get(document)
    const text = row === undefined ? '' : String(row['text'])
    if (this.#cached + text.length > MAX_CACHED) {
      this.#texts.clear()
      this.#cached = 0
    }
    this.#texts.set(document, text)
    this.#cached += text.length
    return text
  }
}

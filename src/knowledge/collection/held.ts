import type { StatementSync } from 'node:sqlite'
import { sees } from '../../contract/caller.ts'
import type { Store } from '../../store/open.ts'
import { decodeModel } from '../embed/encode.ts'
import { type LsaModel, lsaVectors } from '../embed/lsa.ts'
import { type Segment, SegmentBuilder } from '../index/segment.ts'
import { ChunkVectors } from '../vectors/chunk-vectors.ts'
import type { Filterable } from './filter.ts'
import { unpacked } from './labels.ts'
import type { Segments } from './segments.ts'

/** A segment in memory. */
interface Part {
  readonly segment: Segment
  /** Ids of its chunks and of their documents, by place. */
  readonly chunks: Float64Array
  readonly documents: Float64Array
  readonly labels: readonly string[]
}

/**
 * DESIGN. A collection at one moment, in memory: what every view of it shares. In a view an empty segment stands in
 * the place of each that is hidden, so that numbers of segments mean the same in all views, and counts, rarities, mean
 * lengths and rankings are those of a collection in which the hidden documents never were.
 */
export interface Held {
  readonly parts: readonly Part[]
  readonly model: LsaModel | undefined
  readonly texts: Texts
  /** Vectors of an embedding model. */
  readonly vectors: ChunkVectors
  /** What filters look at, of every document; read when it is first asked for. */
  filterables(): readonly Filterable[]
  /** The chunks' vectors by the model, made when they are first asked for. */
  vectorsOf(segment: Segment): Float32Array
}

const EMPTY: Part = {
  segment: new SegmentBuilder().finish(),
  chunks: new Float64Array(0),
  documents: new Float64Array(0),
  labels: [],
}

export function readHeld(store: Store, segments: Segments, collection: number): Held {
  const chunks = store.prepare('SELECT id, document FROM chunk WHERE segment = ? ORDER BY place')
  // All of it is of one moment.
  const read = store.reading(() => {
    const row = store.prepare('SELECT semantics FROM collection WHERE id = ?').get(collection)
    const parts = segments.of(collection).map(({ id, labels }) => {
      const rows = chunks.all(id)
      return {
        segment: segments.read(id),
        chunks: Float64Array.from(rows, (one) => Number(one['id'])),
        documents: Float64Array.from(rows, (one) => Number(one['document'])),
        labels,
      }
    })
    return { parts, semantics: row?.['semantics'] }
  })
  const model = read.semantics instanceof Uint8Array ? decodeModel(read.semantics) : undefined
  const known = new Map<Segment, Float32Array>()
  const vectorsOf = (segment: Segment): Float32Array => {
    const vectors = known.get(segment) ?? (model ? lsaVectors(model, segment) : new Float32Array(0))
    known.set(segment, vectors)
    return vectors
  }
  let documents: readonly Filterable[] | undefined
  const filterables = (): readonly Filterable[] => {
    documents ??= filterablesOf(store, collection)
    return documents
  }
  const shared = { texts: new Texts(store), vectors: new ChunkVectors(store, collection) }
  return { parts: read.parts, model, ...shared, vectorsOf, filterables }
}

function filterablesOf(store: Store, collection: number): Filterable[] {
  const rows = store.prepare(
    'SELECT document.id, source, media_type, added, labels FROM document JOIN origin USING (collection, source) WHERE collection = ?',
  )
  return rows.all(collection).map((row) => ({
    id: Number(row['id']),
    source: String(row['source']),
    mediaType: String(row['media_type']),
    labels: unpacked(String(row['labels'])),
    added: Number(row['added']),
  }))
}

/** Texts of documents that were read last, in UTF-16 units altogether. */
const MAX_CACHED = 32 * 1024 * 1024

class Texts {
  readonly #read: StatementSync
  readonly #known = new Map<number, string>()
  #cached = 0

  constructor(store: Store) {
    this.#read = store.prepare('SELECT text FROM document WHERE id = ?')
  }

  /** Empty where the document has been removed since. */
  of(document: number): string {
    const known = this.#known.get(document)
    if (known !== undefined) return known
    const row = this.#read.get(document)
    const text = row === undefined ? '' : String(row['text'])
    if (this.#cached + text.length > MAX_CACHED) {
      this.#known.clear()
      this.#cached = 0
    }
    this.#known.set(document, text)
    this.#cached += text.length
    return text
  }
}

/** What of it somebody sees who holds these labels. */
export function seenOf(held: Held, labels: readonly string[]): Held {
  return { ...held, parts: held.parts.map((part) => (sees(labels, part.labels) ? part : EMPTY)) }
}

/** Which parts a view has, as a key. */
export function seenKey(held: Held, labels: readonly string[]): string {
  return held.parts.map((part) => (sees(labels, part.labels) ? '1' : '0')).join('')
}

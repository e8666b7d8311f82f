import type { Store } from '../../store/open.ts'
import { DenseIndex } from '../retrieve/dense.ts'
import { decodeVector } from './encode.ts'

/** A question's vector, and what its nearness counts beside BM25. */
export interface AskedVector {
  /** The exact model that made it: it is compared with vectors of that model alone. */
  readonly model: string
  /** Of length 1. */
  readonly vector: Float32Array
  readonly weight: number
}

/** Vectors that are held in memory, in bytes: 32-bit floats. */
export const MAX_VECTOR_BYTES = 2 ** 30

interface ReadVectors {
  readonly model: string
  readonly dimensions: number
  readonly index: DenseIndex
}

/** The engine's vectors of a searcher's chunks, read when they are first searched. */
export class ChunkVectors {
  readonly #store: Store
  readonly #collection: number
  /** Ids of the chunks of each segment, by place. */
  readonly #chunks: readonly Float64Array[]
  #read: ReadVectors | undefined
  #bytes = 0

  constructor(store: Store, collection: number, chunks: readonly Float64Array[]) {
    this.#store = store
    this.#collection = collection
    this.#chunks = chunks
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return this.#bytes
  }

  /** The index where it holds vectors of this model and length; undefined where there is none of it. */
  index(model: string, dimensions: number): DenseIndex | undefined {
    // In a transaction: another process may put another model's in their place meanwhile.
    this.#read ??= this.#store.transaction(() => this.#load())
    const read = this.#read
    return read?.model === model && read.dimensions === dimensions ? read.index : undefined
  }

  #load(): ReadVectors | undefined {
    const row = this.#store
      .prepare('SELECT model, dimensions FROM embedding WHERE collection = ? AND model IS NOT NULL')
      .get(this.#collection)
    const dimensions = Number(row?.['dimensions'] ?? 0)
    const chunks = this.#chunks.reduce((sum, { length }) => sum + length, 0)
    const bytes = chunks * dimensions * Float32Array.BYTES_PER_ELEMENT
    if (dimensions === 0 || bytes > MAX_VECTOR_BYTES) return undefined
    const read = this.#store.prepare('SELECT "values" FROM vector WHERE chunk = ?')
    // A chunk without a vector stays all zeros, and is near to nothing.
    const segments = this.#chunks.map((ids) => {
      const rows = new Float32Array(ids.length * dimensions)
      for (const [at, id] of ids.entries()) {
        const values = read.get(id)?.['values']
        if (values instanceof Uint8Array) decodeVector(values, dimensions, rows, at * dimensions)
      }
      return rows
    })
    this.#bytes = bytes
    return { model: String(row?.['model']), dimensions, index: new DenseIndex(dimensions, segments) }
  }
}

import type { Store } from '../../store/open.ts'
import { DenseIndex } from '../retrieve/dense.ts'
import { decodeVector } from './encode.ts'

/** A question's vector, by the model of the collection's own, and what its nearness counts beside BM25. */
export interface AskedVector {
  /** Of length 1. */
  readonly vector: Float32Array
  readonly weight: number
}

/** Vectors of one collection that are held in memory, in bytes: 32-bit floats. */
export const MAX_VECTOR_BYTES = 2 ** 30

/** The engine's vectors of a searcher's chunks, read when they are first searched. */
export class ChunkVectors {
  readonly #store: Store
  readonly #collection: number
  /** Ids of the chunks of each segment, by place. */
  readonly #chunks: readonly Float64Array[]
  #read: { readonly dimensions: number; readonly index: DenseIndex } | undefined

  constructor(store: Store, collection: number, chunks: readonly Float64Array[]) {
    this.#store = store
    this.#collection = collection
    this.#chunks = chunks
  }

  /** The index where it can be searched with vectors of this length; undefined where there is none of it. */
  index(dimensions: number): DenseIndex | undefined {
    this.#read ??= this.#load()
    return this.#read?.dimensions === dimensions ? this.#read.index : undefined
  }

  #load(): { readonly dimensions: number; readonly index: DenseIndex } | undefined {
    const row = this.#store
      .prepare('SELECT dimensions FROM embedding WHERE collection = ? AND model IS NOT NULL')
      .get(this.#collection)
    const dimensions = Number(row?.['dimensions'] ?? 0)
    const chunks = this.#chunks.reduce((sum, { length }) => sum + length, 0)
    if (dimensions === 0 || chunks * dimensions * Float32Array.BYTES_PER_ELEMENT > MAX_VECTOR_BYTES)
      return undefined
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
    return { dimensions, index: new DenseIndex(dimensions, segments) }
  }
}

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

/**
 * The engine's vectors of a collection at one moment, read when they are first searched. All views of the collection
 * share them, segment by segment.
 */
export class ChunkVectors {
  readonly #store: Store
  readonly #collection: number
  /** Which model made what is read here. */
  #made: { readonly model: string; readonly dimensions: number } | undefined
  /** A segment's vectors, row by row, by the ids of its chunks. */
  readonly #rows = new Map<Float64Array, Float32Array>()
  /** Chunks of a segment that have no vector, by the ids of its chunks. */
  readonly #missing = new Map<Float64Array, number>()
  /** By the segments of a view. */
  #indexes = new WeakMap<readonly Float64Array[], DenseIndex>()

  constructor(store: Store, collection: number) {
    this.#store = store
    this.#collection = collection
  }

  /** Bytes of memory that they take. */
  get bytes(): number {
    return [...this.#rows.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /**
   * The vectors of these segments, each the ids of its chunks by place; undefined where there are none of this model and
   * length, or where they are more than memory is given.
   */
  index(model: string, dimensions: number, segments: readonly Float64Array[]): DenseIndex | undefined {
    const known = this.#indexes.get(segments)
    if (known !== undefined) return this.#isOf(model, dimensions) ? known : undefined
    const chunks = segments.reduce((sum, { length }) => sum + length, 0)
    if (chunks * dimensions * Float32Array.BYTES_PER_ELEMENT > MAX_VECTOR_BYTES) return undefined
    // At one moment: another process may put another model's in their place meanwhile.
    return this.#store.reading(() => {
      this.#made ??= this.#read()
      if (!this.#isOf(model, dimensions)) return undefined
      if (this.bytes > MAX_VECTOR_BYTES) this.#makeRoom()
      const rows = segments.map((ids) => this.#rowsOf(ids, dimensions))
      const index = new DenseIndex(dimensions, rows)
      this.#indexes.set(segments, index)
      return index
    })
  }

  /** Chunks of these segments that have no vector yet, once their index was read. */
  missing(segments: readonly Float64Array[]): number {
    return segments.reduce((sum, ids) => sum + (this.#missing.get(ids) ?? 0), 0)
  }

  #isOf(model: string, dimensions: number): boolean {
    return this.#made?.model === model && this.#made.dimensions === dimensions
  }

  /** Views of other segments are read anew. */
  #makeRoom(): void {
    this.#rows.clear()
    this.#indexes = new WeakMap()
  }

  #read() {
    const row = this.#store
      .prepare('SELECT model, dimensions FROM embedding WHERE collection = ? AND model IS NOT NULL')
      .get(this.#collection)
    return row && { model: String(row['model']), dimensions: Number(row['dimensions']) }
  }

  /** A chunk without a vector stays all zeros, and is near to nothing. */
  #rowsOf(ids: Float64Array, dimensions: number): Float32Array {
    const known = this.#rows.get(ids)
    if (known !== undefined) return known
    const read = this.#store.prepare('SELECT "values" FROM vector WHERE chunk = ?')
    const rows = new Float32Array(ids.length * dimensions)
    let missing = ids.length
    for (const [at, id] of ids.entries()) {
      const values = read.get(id)?.['values']
      if (values instanceof Uint8Array && decodeVector(values, dimensions, rows, at * dimensions)) missing--
    }
    this.#rows.set(ids, rows)
    this.#missing.set(ids, missing)
    return rows
  }
}

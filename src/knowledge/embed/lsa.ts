import type { Segment } from '../index/segment.ts'
import { rarityOf } from '../retrieve/lexical.ts'
import type { Chance } from '../tune/known-items.ts'
import {
  add,
  dots,
  eigen,
  gram,
  matrix,
  orthonormalise,
  type SparseMatrix,
  times,
  transposedTimes,
} from './matrix.ts'

/** Vectors of terms; a text's is the sum of its terms', each by its weight, brought to length 1. */
export interface LsaModel {
  readonly dimensions: number
  /** Number and rarity of each term that has a vector. */
  readonly terms: ReadonlyMap<string, { readonly row: number; readonly rarity: number }>
  readonly vectors: Float32Array
}

const LSA_DIMENSIONS = 128
const OVERSAMPLED = 16
const POWER_ROUNDS = 1
/** Bounds on what is decomposed; the rest of a larger collection is folded in. */
const MAX_FITTED = 6_000
const MAX_TERMS = 20_000
const MIN_CHUNKS = 2
const MAX_SHARE = 0.4
/** A shorter direction is none. */
const VANISHED = 1e-6
/** Fewer chunks have no structure to find. */
const MIN_FITTED = 50

/**
 * Latent semantic analysis of a collection (Deerwester et al., JASIS 1990): the strongest directions in which its
 * chunks' words vary together, by a randomised, truncated singular value decomposition (Halko, Martinsson and
 * Tropp, SIAM Review 2011) of their counts, dampened, weighted by rarity and brought to length 1. Weightless: it is
 * made of nothing but the collection. Has at most `most` dimensions. Undefined for a collection too small to have any.
 */
export function fitLsa(
  segments: readonly Segment[],
  chance: Chance,
  most: number = LSA_DIMENSIONS,
): LsaModel | undefined {
  const chunks = segments.reduce((sum, { size }) => sum + size, 0)
  const step = Math.max(1, chunks / MAX_FITTED)
  const terms = vocabulary(segments, chunks)
  const counts = weighted(segments, terms, step)
  const rank = Math.min(most + OVERSAMPLED, counts.rowCount, terms.size)
  if (counts.rowCount < MIN_FITTED || rank <= OVERSAMPLED) return undefined
  const dimensions = Math.min(most, rank - OVERSAMPLED)
  const probe = matrix(terms.size, rank)
  for (let i = 0; i < probe.values.length; i++) probe.values[i] = chance() + chance() + chance() - 1.5
  let range = times(counts, probe)
  for (let round = 0; round < POWER_ROUNDS; round++) {
    orthonormalise(range)
    range = times(counts, transposedTimes(counts, range))
  }
  orthonormalise(range)
  const small = transposedTimes(counts, range) // Bᵀ, of which BBᵀ = U Σ² Uᵀ
  const { values, vectors } = eigen(gram(small))
  const turned = new Float32Array(dimensions * rank) // U Σ⁻¹, a dimension a row
  for (let dimension = 0; dimension < dimensions; dimension++) {
    const length = Math.sqrt(Math.max(0, values[dimension] ?? 0))
    for (let i = 0; i < rank; i++) {
      turned[dimension * rank + i] = length > VANISHED ? (vectors[dimension]?.[i] ?? 0) / length : 0
    }
  }
  const products = new Float64Array(dimensions)
  const right = matrix(terms.size, dimensions) // V = Bᵀ U Σ⁻¹
  for (let term = 0; term < terms.size; term++) {
    dots(turned, rank, dimensions, small.values.subarray(term * rank, (term + 1) * rank), products)
    for (let dimension = 0; dimension < dimensions; dimension++) {
      right.values[term * dimensions + dimension] = products[dimension] ?? 0
    }
  }
  return { dimensions, terms, vectors: right.values }
}

/** A text's vector by its terms' counts, of length 1; zeros where it has no known term. */
export function lsaVector(model: LsaModel, counts: ReadonlyMap<string, number>): Float32Array {
  const vector = new Float32Array(model.dimensions)
  for (const [term, count] of counts) {
    const known = model.terms.get(term)
    if (known === undefined || count <= 0) continue
    const weight = (1 + Math.log(count)) * known.rarity
    add(vector, 0, model.vectors, known.row * model.dimensions, model.dimensions, weight)
  }
  return unit(vector, 0, model.dimensions)
}

/** Vectors of all chunks of a segment, row by row, each of length 1. */
export function lsaVectors(model: LsaModel, segment: Segment): Float32Array {
  const { dimensions } = model
  const vectors = new Float32Array(segment.size * dimensions)
  for (const [term, id] of segment.terms) {
    const known = model.terms.get(term)
    if (known === undefined) continue
    const end = segment.offsets[id + 1] ?? 0
    for (let index = segment.offsets[id] ?? 0; index < end; index++) {
      const count = countOf(segment, index)
      if (count === 0) continue
      const weight = (1 + Math.log(count)) * known.rarity
      const at = (segment.chunks[index] ?? 0) * dimensions
      add(vectors, at, model.vectors, known.row * dimensions, dimensions, weight)
    }
  }
  for (let chunk = 0; chunk < segment.size; chunk++) unit(vectors, chunk * dimensions, dimensions)
  return vectors
}

/** How often a posting's term stands in its chunk; a word that only heads it counts once. */
function countOf({ head, body }: Segment, posting: number): number {
  return body[posting] || ((head[posting] ?? 0) > 0 ? 1 : 0)
}

function unit(values: Float32Array, at: number, length: number): Float32Array {
  let sum = 0
  for (let i = 0; i < length; i++) sum += (values[at + i] ?? 0) ** 2
  const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0
  for (let i = 0; i < length; i++) values[at + i] = (values[at + i] ?? 0) * scale
  return values
}

/** Terms that several chunks share and not most of them, the commonest first where they are too many. */
function vocabulary(
  segments: readonly Segment[],
  chunks: number,
): Map<string, { row: number; rarity: number }> {
  const holding = new Map<string, number>()
  for (const { terms, offsets } of segments) {
    for (const [term, id] of terms) {
      const count = (offsets[id + 1] ?? 0) - (offsets[id] ?? 0)
      holding.set(term, (holding.get(term) ?? 0) + count)
    }
  }
  const kept = [...holding]
    .filter(([, count]) => count >= MIN_CHUNKS && count <= Math.max(MIN_CHUNKS, MAX_SHARE * chunks))
    .sort((a, b) => b[1] - a[1])
    .slice(0, MAX_TERMS)
  return new Map(kept.map(([term, count], row) => [term, { row, rarity: rarityOf(count, chunks) }]))
}

/** Every `step`-th chunk as a row of length 1, by term. */
function weighted(
  segments: readonly Segment[],
  terms: ReadonlyMap<string, { readonly row: number; readonly rarity: number }>,
  step: number,
): SparseMatrix {
  const lists = Array.from({ length: terms.size }, () => ({ rows: [] as number[], values: [] as number[] }))
  const squares: number[] = []
  for (const segment of segments) {
    const base = squares.length
    const taken = Math.ceil(segment.size / step)
    const rowOf = new Int32Array(segment.size).fill(-1)
    for (let row = 0; row < taken; row++) rowOf[Math.floor(row * step)] = row
    for (let row = 0; row < taken; row++) squares.push(0)
    for (const [term, id] of segment.terms) {
      const known = terms.get(term)
      const list = lists[known?.row ?? -1]
      if (known === undefined || list === undefined) continue
      const end = segment.offsets[id + 1] ?? 0
      for (let index = segment.offsets[id] ?? 0; index < end; index++) {
        const row = rowOf[segment.chunks[index] ?? 0] ?? -1
        const count = countOf(segment, index)
        if (row < 0 || count === 0) continue
        const value = (1 + Math.log(count)) * known.rarity
        list.rows.push(base + row)
        list.values.push(value)
        squares[base + row] = (squares[base + row] ?? 0) + value * value
      }
    }
  }
  const offsets = new Uint32Array(terms.size + 1)
  for (const [at, { rows }] of lists.entries()) offsets[at + 1] = (offsets[at] ?? 0) + rows.length
  const rows = new Uint32Array(offsets.at(-1) ?? 0)
  const values = new Float32Array(rows.length)
  for (const [at, list] of lists.entries()) {
    rows.set(list.rows, offsets[at] ?? 0)
    values.set(
      list.values.map((value, i) => value / Math.sqrt(squares[list.rows[i] ?? 0] || 1)),
      offsets[at] ?? 0,
    )
  }
  return { rowCount: squares.length, offsets, rows, values }
}

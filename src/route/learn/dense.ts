import { Chance } from './chance.ts'
import type { Nearby } from './neighbours.ts'

/** Dimensions that are kept of an embedding. */
export const DENSE_DIMENSIONS = 64
const PROJECTION_SEED = 64_128
const NEIGHBOURS = 50
/** Weight of the mean over all rows beside the neighbours, in units of a neighbour of similarity 1. */
const MEAN_WEIGHT = 1

/** What dense neighbours add to a view, behind VIEW_NAMES. */
export const DENSE_NAMES = [
  'how the small model did on prompts of like meaning',
  'how the strong model did on prompts of like meaning',
  'prompts of like meaning',
  'how near prompts of like meaning are',
] as const

/**
 * An embedding in DENSE_DIMENSIONS numbers and of length 1: a projection on random signs (Achlioptas 2003), which
 * keeps angles up to some 1/√DENSE_DIMENSIONS. Equal embeddings give equal projections everywhere; a shorter one is
 * filled up with zeros. Undefined where a number is none, or all are 0.
 */
export function projected(embedding: ArrayLike<number>): Float32Array | undefined {
  const kept = new Float32Array(DENSE_DIMENSIONS)
  const { length } = embedding
  if (length <= DENSE_DIMENSIONS) for (let at = 0; at < length; at++) kept[at] = embedding[at] ?? 0
  else {
    const chance = new Chance(PROJECTION_SEED)
    for (let at = 0; at < length; at++) {
      const value = embedding[at] ?? 0
      for (let to = 0; to < DENSE_DIMENSIONS; to += 32) addSigned(kept, to, value, chance.below(2 ** 32))
    }
  }
  let squares = 0
  for (const value of kept) squares += value * value
  if (!(squares > 0 && Number.isFinite(squares))) return undefined
  const scale = 1 / Math.sqrt(squares)
  return kept.map((value) => value * scale)
}

/** Adds a value to 32 sums, its sign turned where a bit is set. */
function addSigned(sums: Float32Array, from: number, value: number, bits: number): void {
  for (let bit = 0; bit < 32; bit++) {
    const at = from + bit
    sums[at] = (sums[at] ?? 0) + ((bits >>> bit) & 1 ? -value : value)
  }
}

export function dot(left: Float32Array, right: Float32Array, from = 0): number {
  let sum = 0
  for (let at = 0; at < left.length; at++) sum += (left[at] ?? 0) * (right[from + at] ?? 0)
  return sum
}

/** k nearest neighbours by cosine over projections, by looking at each: a multiplication per row and dimension. */
export class DenseNeighbours {
  readonly #rows: Float32Array
  readonly #weak: Float64Array
  readonly #strong: Float64Array
  readonly #cosines: Float32Array
  readonly #means: { readonly weak: number; readonly strong: number }

  /** Projections of equal length 1, and per row the shares of right answers of both models. */
  constructor(rows: readonly Float32Array[], weak: Float64Array, strong: Float64Array) {
    this.#rows = new Float32Array(rows.length * DENSE_DIMENSIONS)
    for (const [at, row] of rows.entries()) this.#rows.set(row, at * DENSE_DIMENSIONS)
    this.#weak = weak
    this.#strong = strong
    this.#cosines = new Float32Array(rows.length)
    this.#means = { weak: meanOf(weak), strong: meanOf(strong) }
  }

  near(vector: Float32Array): Nearby {
    const cosines = this.#cosines
    for (let at = 0; at < cosines.length; at++) cosines[at] = dot(vector, this.#rows, at * DENSE_DIMENSIONS)
    const edge =
      cosines.length <= NEIGHBOURS ? -1 : (cosines.slice().sort()[cosines.length - NEIGHBOURS] ?? -1)
    const sum = {
      weak: MEAN_WEIGHT * this.#means.weak,
      strong: MEAN_WEIGHT * this.#means.strong,
      nearness: 0,
    }
    for (let at = 0; at < cosines.length; at++) {
      const cosine = cosines[at] ?? 0
      if (cosine < edge || cosine <= 0) continue
      sum.nearness += cosine
      sum.weak += cosine * (this.#weak[at] ?? 0)
      sum.strong += cosine * (this.#strong[at] ?? 0)
    }
    const weight = MEAN_WEIGHT + sum.nearness
    return { weak: sum.weak / weight, strong: sum.strong / weight, nearness: sum.nearness }
  }
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

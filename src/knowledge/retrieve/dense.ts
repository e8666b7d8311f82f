import { dots } from '../embed/matrix.ts'
import { Best } from './best.ts'
import type { Mask, Ranked } from './lexical.ts'

/** Vectors of all chunks, segment by segment, compared one by one: exact, and quick enough for 100,000 of them. */
export class DenseIndex {
  readonly #dimensions: number
  readonly #segments: readonly Float32Array[]
  /** Kept between searches. */
  #cosines = new Float64Array(0)

  /** `segments` hold the chunks' vectors row by row, each of length 1 or all zeros. */
  constructor(dimensions: number, segments: readonly Float32Array[]) {
    this.#dimensions = dimensions
    this.#segments = segments
  }

  /** The `limit` nearest chunks by cosine, the nearest first; those that point away are left out. */
  search(query: Float32Array, limit: number, mask?: Mask): Ranked[] {
    const best = new Best(limit)
    for (const [segment, vectors] of this.#segments.entries()) {
      const size = vectors.length / this.#dimensions
      if (this.#cosines.length < size) this.#cosines = new Float64Array(size)
      const cosines = this.#cosines
      dots(vectors, this.#dimensions, size, query, cosines)
      for (let chunk = 0; chunk < size; chunk++) {
        const score = cosines[chunk] ?? 0
        if (score > 0 && mask?.[segment]?.[chunk] !== 0) best.offer(segment, chunk, score)
      }
    }
    return best.sorted()
  }
}

/** How deep each ranking is read for the fusion. */
export const FUSED_DEPTH = 100

/**
 * Two rankings as one: each ranking's scores are brought to 0…1 between its last and its first (0 is no match
 * where the ranking is not full), and weighted. What stands in one alone has 0 in the other. The best first.
 */
export function fused(
  lexical: readonly Ranked[],
  dense: readonly Ranked[],
  weight: number,
  limit: number,
): Ranked[] {
  const together = new Map<string, Ranked>()
  for (const [ranking, share] of [
    [lexical, 1 - weight],
    [dense, weight],
  ] as const) {
    const top = ranking[0]?.score ?? 0
    const low = ranking.length < FUSED_DEPTH ? 0 : (ranking.at(-1)?.score ?? 0)
    for (const { segment, chunk, score } of ranking) {
      const key = `${segment}:${chunk}`
      const own = (share * (score - low)) / (top - low || 1)
      together.set(key, { segment, chunk, score: own + (together.get(key)?.score ?? 0) })
    }
  }
  return [...together.values()].sort((a, b) => b.score - a.score).slice(0, limit)
}

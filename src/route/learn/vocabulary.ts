import { nthGreatest } from './greatest.ts'
import { TERM_SPACE, type Terms } from './terms.ts'

/** Prompts in which a term must stand to count: what stands in one alone says nothing about another. */
const PROMPTS_MIN = 2

/** A prompt as a vector of length 1 (or 0, where it has no known term): `ids` ascending, `values` beside them. */
export interface Vector {
  readonly ids: Uint32Array
  readonly values: Float32Array
}

/**
 * How rare each term is: `ln((prompts + 1) / (prompts with the term + 1))`, and 0 where a term is unknown. TF-IDF as
 * in Salton and Buckley 1988, with logarithmic term frequency and cosine length.
 */
export class Vocabulary {
  readonly rarity: Float32Array

  constructor(rarity: Float32Array) {
    this.rarity = rarity
  }

  static of(prompts: readonly Terms[]): Vocabulary {
    const counts = new Uint32Array(TERM_SPACE)
    for (const { ids } of prompts) for (const id of ids) counts[id] = (counts[id] ?? 0) + 1
    const rarity = new Float32Array(TERM_SPACE)
    for (const [id, count] of counts.entries()) {
      if (count >= PROMPTS_MIN) rarity[id] = Math.log((prompts.length + 1) / (count + 1))
    }
    return new Vocabulary(rarity)
  }

  vector({ ids, weights }: Terms): Vector {
    const known = new Uint32Array(ids.length)
    const values = new Float32Array(ids.length)
    let size = 0
    let squares = 0
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] ?? 0
      const value = (weights[at] ?? 0) * (this.rarity[id] ?? 0)
      if (value === 0) continue
      known[size] = id
      values[size++] = value
      squares += value * value
    }
    const scale = squares === 0 ? 0 : 1 / Math.sqrt(squares)
    for (let at = 0; at < size; at++) values[at] = (values[at] ?? 0) * scale
    return { ids: known.subarray(0, size), values: values.subarray(0, size) }
  }
}

/** The heaviest `most` terms of a vector, in the order of their ids; equal weights at the edge stay out together. */
export function heaviest(vector: Vector, most: number): Vector {
  const { ids, values } = vector
  if (ids.length <= most) return vector
  const edge = nthGreatest(values, most + 1)
  const kept = { ids: new Uint32Array(most), values: new Float32Array(most) }
  let size = 0
  for (let at = 0; at < ids.length; at++) {
    const value = values[at] ?? 0
    if (value <= edge) continue
    kept.ids[size] = ids[at] ?? 0
    kept.values[size++] = value
  }
  return { ids: kept.ids.subarray(0, size), values: kept.values.subarray(0, size) }
}

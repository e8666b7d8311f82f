import { nthGreatest } from './greatest.ts'
import { TERM_SPACE } from './terms.ts'
import { heaviest, type Vector } from './vocabulary.ts'

/** Terms that are kept of each known prompt, and that are looked up of a new one: the heaviest. */
const KEPT_TERMS = 64
const ASKED_TERMS = 128
/** A term in a larger share of the prompts is not looked up: it tells no prompt from another, and costs the most. */
const COMMON_SHARE = 0.1
/** Prompts that are looked through for one term at most, so that a decision's time does not grow with the data. */
const LISTED_MAX = 2_048
const NEIGHBOURS = 100
/** Weight of the mean over all prompts beside the neighbours, in units of a neighbour of similarity 1. */
const MEAN_WEIGHT = 0.2
const LEVELS = 255

/** What the index is made of, and what is stored of it: for each term a list of prompts and of weights. */
export interface Postings {
  /** Where each term's list begins, and behind the last one: TERM_SPACE + 1 numbers. */
  readonly starts: Uint32Array
  readonly prompts: Uint16Array | Uint32Array
  /** Weights in steps of 1/255. */
  readonly levels: Uint8Array
  /** Per prompt: the share of right answers of the weak and of the strong model, in steps of 1/255. */
  readonly weak: Uint8Array
  readonly strong: Uint8Array
}

/** What the neighbours' answers were like: shares in [0, 1], and how near the neighbours are (their summed cosine). */
export interface Nearby {
  weak: number
  strong: number
  nearness: number
}

/**
 * k nearest neighbours by cosine over pruned TF-IDF vectors: an inverted index in typed arrays. Each call looks at no
 * more than ASKED_TERMS lists of LISTED_MAX prompts.
 */
export class Neighbours {
  readonly postings: Postings
  readonly #similar: Float32Array
  readonly #touched: Uint32Array
  readonly #means: { readonly weak: number; readonly strong: number }

  constructor(postings: Postings) {
    this.postings = postings
    const prompts = postings.weak.length
    this.#similar = new Float32Array(prompts)
    this.#touched = new Uint32Array(prompts)
    this.#means = { weak: meanOf(postings.weak), strong: meanOf(postings.strong) }
  }

  static of(rows: readonly Vector[], weak: Float64Array, strong: Float64Array): Neighbours {
    const kept = rows.map((row) => heaviest(row, KEPT_TERMS))
    const counts = new Uint32Array(TERM_SPACE)
    for (const { ids } of kept) for (const id of ids) counts[id] = (counts[id] ?? 0) + 1
    const most = Math.min(LISTED_MAX, Math.max(1, COMMON_SHARE * rows.length))
    const starts = new Uint32Array(TERM_SPACE + 1)
    for (let id = 0; id < TERM_SPACE; id++) {
      const count = counts[id] ?? 0
      starts[id + 1] = (starts[id] ?? 0) + (count > most ? 0 : count)
    }
    const size = starts[TERM_SPACE] ?? 0
    const prompts = rows.length <= 0x10000 ? new Uint16Array(size) : new Uint32Array(size)
    const levels = new Uint8Array(size)
    const next = starts.slice(0, TERM_SPACE)
    for (const [row, { ids, values }] of kept.entries()) {
      for (let at = 0; at < ids.length; at++) {
        const id = ids[at] ?? 0
        if (starts[id] === starts[id + 1]) continue
        const place = next[id] ?? 0
        prompts[place] = row
        levels[place] = Math.max(1, Math.round(LEVELS * (values[at] ?? 0)))
        next[id] = place + 1
      }
    }
    return new Neighbours({ starts, prompts, levels, weak: inLevels(weak), strong: inLevels(strong) })
  }

  near(vector: Vector): Nearby {
    const size = this.#gather(heaviest(vector, ASKED_TERMS))
    const { weak, strong } = this.postings
    const similar = this.#similar
    const edge = this.#edge(size)
    const sum = {
      weak: MEAN_WEIGHT * this.#means.weak,
      strong: MEAN_WEIGHT * this.#means.strong,
      nearness: 0,
    }
    for (let at = 0; at < size; at++) {
      const prompt = this.#touched[at] ?? 0
      const cosine = similar[prompt] ?? 0
      similar[prompt] = 0
      if (cosine < edge) continue
      sum.nearness += cosine
      sum.weak += (cosine * (weak[prompt] ?? 0)) / LEVELS
      sum.strong += (cosine * (strong[prompt] ?? 0)) / LEVELS
    }
    const weight = MEAN_WEIGHT + sum.nearness
    return { weak: sum.weak / weight, strong: sum.strong / weight, nearness: sum.nearness }
  }

  /** Sums up cosines; returns how many prompts share a term with the vector. */
  #gather({ ids, values }: Vector): number {
    const { starts, prompts, levels } = this.postings
    const similar = this.#similar
    let size = 0
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] ?? 0
      const value = (values[at] ?? 0) / LEVELS
      const end = starts[id + 1] ?? 0
      for (let place = starts[id] ?? 0; place < end; place++) {
        const prompt = prompts[place] ?? 0
        const before = similar[prompt] ?? 0
        if (before === 0) this.#touched[size++] = prompt
        similar[prompt] = before + value * (levels[place] ?? 0)
      }
    }
    return size
  }

  /** The similarity of the last neighbour that counts; those as near as it count too. */
  #edge(size: number): number {
    if (size <= NEIGHBOURS) return 0
    const cosines = new Float32Array(size)
    for (let at = 0; at < size; at++) cosines[at] = this.#similar[this.#touched[at] ?? 0] ?? 0
    return nthGreatest(cosines, NEIGHBOURS)
  }
}

function inLevels(shares: Float64Array): Uint8Array {
  return Uint8Array.from(shares, (share) => Math.round(LEVELS * share))
}

function meanOf(levels: Uint8Array): number {
  let sum = 0
  for (const level of levels) sum += level
  return levels.length === 0 ? 0 : sum / levels.length / LEVELS
}

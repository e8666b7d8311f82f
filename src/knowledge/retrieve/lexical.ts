import { pairsByCharacter } from '../index/pairs.ts'
import type { Segment } from '../index/segment.ts'
import { Best } from './best.ts'
import type { Settings } from './settings.ts'

/** A chunk by its segment and its number there. */
export interface Ranked {
  readonly segment: number
  readonly chunk: number
  readonly score: number
}

/** A term's weight in a query. */
export type Query = ReadonlyMap<string, number>

/** Of each segment, 1 for the chunks that may be found and 0 for the others. */
export type Mask = readonly Uint8Array[]

type Bm25 = Pick<Settings, 'k1' | 'b' | 'head' | 'document'>

/** What a segment needs for one choice of `b`. */
interface Norms {
  readonly head: Float32Array
  readonly body: Float32Array
  readonly document: Float32Array
}

/** Choices of `b` whose norms are kept: the tuning searches with some in turn. */
const MAX_NORMS = 4

/**
 * DESIGN. BM25F over the segments of one collection, every chunk scored: a word's occurrences in head and body
 * are each divided by their own length, added with the head's weight, and only then dampened (Robertson, Zaragoza
 * and Taylor, "Simple BM25 extension to multiple weighted fields", CIKM 2004). To that comes the document's BM25
 * score, times a weight, as if its chunks were one text: what stands around a chunk says what it is about. Rarities
 * and mean lengths are those of the whole collection. Since a document's chunks are neighbours in every posting
 * list, its counts add up in passing. Not for several threads: the arrays of scores are kept between queries.
 */
export class LexicalIndex {
  readonly #segments: readonly Segment[]
  readonly #scores: readonly Float32Array[]
  readonly #documentScores: readonly Float32Array[]
  readonly #documentLengths: readonly Uint32Array[]
  readonly chunks: number
  readonly documents: number
  readonly #means: { readonly head: number; readonly body: number; readonly document: number }
  #pairs: ReadonlyMap<string, readonly string[]> | undefined
  readonly #norms = new Map<number, readonly Norms[]>()

  constructor(segments: readonly Segment[]) {
    this.#segments = segments
    this.#scores = segments.map(({ size }) => new Float32Array(size))
    this.#documentLengths = segments.map(documentLengths)
    this.#documentScores = this.#documentLengths.map(({ length }) => new Float32Array(length))
    this.chunks = total(segments.map(({ size }) => size))
    this.documents = total(this.#documentLengths.map(({ length }) => length))
    const words = total(segments.map(({ bodyLengths }) => total(bodyLengths)))
    const heads = total(segments.map(({ headLengths }) => total(headLengths)))
    this.#means = {
      head: heads / this.chunks || 1,
      body: words / this.chunks || 1,
      document: words / this.documents || 1,
    }
  }

  /** How many chunks, and how many documents, hold a term. */
  frequency(term: string): { chunks: number; documents: number } {
    let [chunks, documents] = [0, 0]
    for (const segment of this.#segments) {
      const id = segment.terms.get(term)
      if (id === undefined) continue
      chunks += (segment.offsets[id + 1] ?? 0) - (segment.offsets[id] ?? 0)
      documents += segment.documentCounts[id] ?? 0
    }
    return { chunks, documents }
  }

  /** Indexed pairs of characters of scripts without spaces that this one is in, the commonest first; bounded. */
  pairsWith(character: string): readonly string[] {
    this.#pairs ??= pairsByCharacter(this.#segments)
    return this.#pairs.get(character) ?? []
  }

  /** BM25's inverse document frequency with one added inside, never negative; 0 for a term that no chunk holds. */
  rarity(term: string): number {
    const { chunks } = this.frequency(term)
    return chunks === 0 ? 0 : rarityOf(chunks, this.chunks)
  }

  /** The `limit` best chunks, the best first; equal scores in the order of the collection. The mask is looked at before anything is ranked. */
  search(query: Query, settings: Bm25, limit: number, mask?: Mask): Ranked[] {
    const norms = this.#normsFor(settings.b)
    // Where every document is one chunk, its score would only say the same again.
    const around = this.documents < this.chunks ? settings.document : 0
    for (const [term, weight] of query) {
      const { chunks, documents } = this.frequency(term)
      if (chunks === 0 || weight <= 0) continue
      const rarity = weight * rarityOf(chunks, this.chunks) * (settings.k1 + 1)
      const documentRarity = around * weight * rarityOf(documents, this.documents) * (settings.k1 + 1)
      for (const [number, segment] of this.#segments.entries()) {
        const id = segment.terms.get(term)
        const norm = norms[number]
        if (id === undefined || norm === undefined) continue
        this.#add(number, segment, id, norm, settings, rarity)
        if (documentRarity > 0) this.#addDocuments(number, segment, id, norm, settings.k1, documentRarity)
      }
    }
    const best = new Best(limit)
    for (const [number, segment] of this.#segments.entries())
      this.#collect(number, segment, best, mask?.[number])
    return best.sorted()
  }

  #add(
    number: number,
    { offsets, chunks, head, body }: Segment,
    term: number,
    norm: Norms,
    settings: Bm25,
    rarity: number,
  ): void {
    const scores = this.#scores[number] ?? new Float32Array(0)
    const { k1, head: headWeight } = settings
    const end = offsets[term + 1] ?? 0
    for (let index = offsets[term] ?? 0; index < end; index++) {
      const chunk = chunks[index] ?? 0
      const inHead = head[index] ?? 0
      let count = (body[index] ?? 0) * (norm.body[chunk] ?? 0)
      if (inHead > 0) count += headWeight * inHead * (norm.head[chunk] ?? 0)
      scores[chunk] = (scores[chunk] ?? 0) + (rarity * count) / (count + k1 || 1)
    }
  }

  #addDocuments(
    number: number,
    { offsets, chunks, body, documents }: Segment,
    term: number,
    norm: Norms,
    k1: number,
    rarity: number,
  ): void {
    const scores = this.#documentScores[number] ?? new Float32Array(0)
    const end = offsets[term + 1] ?? 0
    let index = offsets[term] ?? 0
    while (index < end) {
      const document = documents[chunks[index] ?? 0] ?? 0
      let count = 0
      for (; index < end && documents[chunks[index] ?? 0] === document; index++) count += body[index] ?? 0
      count *= norm.document[document] ?? 0
      scores[document] = (scores[document] ?? 0) + (rarity * count) / (count + k1 || 1)
    }
  }

  /** Hands over what was scored and clears the arrays for the next query. */
  #collect(number: number, segment: Segment, best: Best, mask: Uint8Array | undefined): void {
    const scores = this.#scores[number] ?? new Float32Array(0)
    const documentScores = this.#documentScores[number] ?? new Float32Array(0)
    for (let chunk = 0; chunk < segment.size; chunk++) {
      const own = scores[chunk] ?? 0
      if (own <= 0 || mask?.[chunk] === 0) continue
      best.offer(number, chunk, own + (documentScores[segment.documents[chunk] ?? 0] ?? 0))
    }
    scores.fill(0)
    documentScores.fill(0)
  }

  #normsFor(b: number): readonly Norms[] {
    const known = this.#norms.get(b)
    if (known !== undefined) return known
    const { head, body, document } = this.#means
    const of = this.#segments.map((segment, number) => ({
      head: inverseNorms(segment.headLengths, b, head),
      body: inverseNorms(segment.bodyLengths, b, body),
      document: inverseNorms(this.#documentLengths[number] ?? new Uint32Array(0), b, document),
    }))
    if (this.#norms.size >= MAX_NORMS) this.#norms.clear()
    this.#norms.set(b, of)
    return of
  }

  /** A chunk's counts of a term and the lengths that they are held against; zeros where it does not hold it. */
  counts(at: { readonly segment: number; readonly chunk: number }, term: string): Counts {
    const segment = this.#segments[at.segment]
    const id = segment?.terms.get(term)
    if (segment === undefined || id === undefined) return { head: 0, body: 0, document: 0 }
    const [from, to] = [segment.offsets[id] ?? 0, segment.offsets[id + 1] ?? 0]
    const own = segment.documents[at.chunk] ?? 0
    const found = lowerBound(segment.chunks, from, to, at.chunk)
    const here = found < to && segment.chunks[found] === at.chunk
    let document = 0
    for (let i = found; i < to && segment.documents[segment.chunks[i] ?? 0] === own; i++) {
      document += segment.body[i] ?? 0
    }
    for (let i = found - 1; i >= from && segment.documents[segment.chunks[i] ?? 0] === own; i--) {
      document += segment.body[i] ?? 0
    }
    return {
      head: here ? (segment.head[found] ?? 0) : 0,
      body: here ? (segment.body[found] ?? 0) : 0,
      document,
    }
  }

  /** A chunk's lengths as shares of the collection's means. */
  lengths(at: { readonly segment: number; readonly chunk: number }): Counts {
    const segment = this.#segments[at.segment]
    const document = segment?.documents[at.chunk] ?? 0
    return {
      head: (segment?.headLengths[at.chunk] ?? 0) / this.#means.head,
      body: (segment?.bodyLengths[at.chunk] ?? 0) / this.#means.body,
      document: (this.#documentLengths[at.segment]?.[document] ?? 0) / this.#means.document,
    }
  }

  get meanLengths(): Counts {
    return this.#means
  }
}

export interface Counts {
  readonly head: number
  readonly body: number
  readonly document: number
}

export function rarityOf(holding: number, all: number): number {
  return Math.log(1 + (all - holding + 0.5) / (holding + 0.5))
}

function inverseNorms(lengths: Uint16Array | Uint32Array, b: number, mean: number): Float32Array {
  const norms = new Float32Array(lengths.length)
  for (let index = 0; index < norms.length; index++) {
    norms[index] = 1 / (1 - b + (b * (lengths[index] ?? 0)) / mean || 1)
  }
  return norms
}

function documentLengths({ documents, bodyLengths }: Segment): Uint32Array {
  const lengths = new Uint32Array((documents.at(-1) ?? -1) + 1)
  for (let chunk = 0; chunk < documents.length; chunk++) {
    const document = documents[chunk] ?? 0
    lengths[document] = (lengths[document] ?? 0) + (bodyLengths[chunk] ?? 0)
  }
  return lengths
}

function lowerBound(values: Uint32Array, from: number, to: number, wanted: number): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

function total(values: Iterable<number>): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

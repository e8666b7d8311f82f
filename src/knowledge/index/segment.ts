import { analyse, eachRun } from './terms.ts'

/** What is indexed of one chunk: the words that head it (titles, headings) and its own. */
export interface IndexedText {
  /** Of the document that it belongs to: the one before or the next, from 0. */
  readonly document: number
  readonly head: string
  readonly body: string
}

/**
 * Postings of a run of chunks, numbered from 0 in the order in which they were added. Term `t` stands in the
 * chunks `chunks[offsets[t]] … chunks[offsets[t + 1] - 1]`, ascending, `head[i]` and `body[i]` times (at most 255).
 */
export interface Segment {
  readonly size: number
  readonly terms: ReadonlyMap<string, number>
  readonly offsets: Uint32Array
  readonly chunks: Uint32Array
  readonly head: Uint8Array
  readonly body: Uint8Array
  /** How many documents each term stands in. */
  readonly documentCounts: Uint32Array
  /** The document of each chunk, numbered within the segment, ascending: a document's chunks are neighbours. */
  readonly documents: Uint32Array
  /** Terms of each chunk's head and body. */
  readonly headLengths: Uint16Array
  readonly bodyLengths: Uint16Array
}

const MAX_COUNT = 255
const MAX_LENGTH = 0xffff
/** Runs whose terms are remembered while a segment is built; texts repeat their words. */
const MAX_REMEMBERED = 1 << 20

export class SegmentBuilder {
  readonly #terms = new Map<string, number>()
  readonly #analysed = new Map<string, readonly number[]>()
  readonly #documents = new Grown(Uint32Array)
  readonly #headLengths = new Grown(Uint16Array)
  readonly #bodyLengths = new Grown(Uint16Array)
  readonly #postingTerms = new Grown(Uint32Array)
  readonly #postingChunks = new Grown(Uint32Array)
  readonly #head = new Grown(Uint8Array)
  readonly #body = new Grown(Uint8Array)
  /** Counts of the chunk that is being added, by term, and the terms that it has. */
  #headCounts = new Uint32Array(1 << 16)
  #bodyCounts = new Uint32Array(1 << 16)
  readonly #touched: number[] = []

  get size(): number {
    return this.#bodyLengths.length
  }

  /** Adds one chunk and returns its number. */
  add(text: IndexedText): number {
    const chunk = this.size
    this.#documents.push(text.document)
    this.#headLengths.push(Math.min(MAX_LENGTH, this.#count(text.head, true)))
    this.#bodyLengths.push(Math.min(MAX_LENGTH, this.#count(text.body, false)))
    for (const term of this.#touched) {
      this.#postingTerms.push(term)
      this.#postingChunks.push(chunk)
      this.#head.push(Math.min(MAX_COUNT, this.#headCounts[term] ?? 0))
      this.#body.push(Math.min(MAX_COUNT, this.#bodyCounts[term] ?? 0))
      this.#headCounts[term] = 0
      this.#bodyCounts[term] = 0
    }
    this.#touched.length = 0
    return chunk
  }

  #count(text: string, head: boolean): number {
    let length = 0
    eachRun(text, (run) => {
      for (const term of this.#analyse(run)) {
        if (this.#headCounts[term] === 0 && this.#bodyCounts[term] === 0) this.#touched.push(term)
        const counts = head ? this.#headCounts : this.#bodyCounts
        counts[term] = (counts[term] ?? 0) + 1
        length++
      }
    })
    return length
  }

  #analyse(run: string): readonly number[] {
    const known = this.#analysed.get(run)
    if (known !== undefined) return known
    const found = analyse(run).map((term) => this.#number(term))
    if (this.#analysed.size < MAX_REMEMBERED) this.#analysed.set(run, found)
    return found
  }

  #number(term: string): number {
    const known = this.#terms.get(term)
    if (known !== undefined) return known
    const number = this.#terms.size
    this.#terms.set(term, number)
    if (number >= this.#headCounts.length) {
      this.#headCounts = doubled(this.#headCounts)
      this.#bodyCounts = doubled(this.#bodyCounts)
    }
    return number
  }

  /** The postings by term, each list in the order of the chunks. */
  finish(): Segment {
    const terms = this.#postingTerms.values()
    const offsets = new Uint32Array(this.#terms.size + 1)
    for (const term of terms) offsets[term + 1] = (offsets[term + 1] ?? 0) + 1
    for (let term = 0; term < this.#terms.size; term++) {
      offsets[term + 1] = (offsets[term + 1] ?? 0) + (offsets[term] ?? 0)
    }
    const next = offsets.slice()
    const [from, fromHead, fromBody] = [
      this.#postingChunks.values(),
      this.#head.values(),
      this.#body.values(),
    ]
    const chunks = new Uint32Array(terms.length)
    const head = new Uint8Array(terms.length)
    const body = new Uint8Array(terms.length)
    for (let index = 0; index < terms.length; index++) {
      const term = terms[index] ?? 0
      const place = next[term] ?? 0
      next[term] = place + 1
      chunks[place] = from[index] ?? 0
      head[place] = fromHead[index] ?? 0
      body[place] = fromBody[index] ?? 0
    }
    return completed({
      size: this.size,
      terms: this.#terms,
      offsets,
      chunks,
      head,
      body,
      documents: this.#documents.values().slice(),
      headLengths: this.#headLengths.values().slice(),
      bodyLengths: this.#bodyLengths.values().slice(),
    })
  }
}

/** Adds what can be counted from the rest. */
export function completed(segment: Omit<Segment, 'documentCounts'>): Segment {
  const documentCounts = new Uint32Array(segment.terms.size)
  for (let term = 0; term < documentCounts.length; term++) {
    let last = -1
    let count = 0
    const end = segment.offsets[term + 1] ?? 0
    for (let index = segment.offsets[term] ?? 0; index < end; index++) {
      const document = segment.documents[segment.chunks[index] ?? 0] ?? 0
      if (document !== last) count++
      last = document
    }
    documentCounts[term] = count
  }
  return { ...segment, documentCounts }
}

type Numbers = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>

/** A typed array that grows by doubling. */
class Grown<Kind extends Numbers> {
  readonly #make: new (
    length: number,
  ) => Kind
  #values: Kind
  length = 0

  constructor(make: new (length: number) => Kind) {
    this.#make = make
    this.#values = new make(1_024)
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new this.#make(this.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.length++] = value
  }

  values(): Kind {
    return this.#values.subarray(0, this.length) as Kind
  }
}

function doubled(counts: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(counts.length * 2)
  larger.set(counts)
  return larger
}

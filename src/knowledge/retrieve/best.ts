import type { Ranked } from './lexical.ts'

/** The `limit` highest of what is offered, in a heap with the worst on top. The earlier of two equals is the better. */
export class Best {
  readonly #limit: number
  readonly #heap: (Ranked & { readonly order: number })[] = []
  #offered = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  offer(segment: number, chunk: number, score: number): void {
    const order = this.#offered++
    const heap = this.#heap
    if (heap.length < this.#limit) {
      heap.push({ segment, chunk, score, order })
      this.#rise(heap.length - 1)
    } else if (score > (heap[0]?.score ?? Number.POSITIVE_INFINITY)) {
      heap[0] = { segment, chunk, score, order }
      this.#sink()
    }
  }

  /** The best first. */
  sorted(): Ranked[] {
    return this.#heap
      .toSorted((a, b) => b.score - a.score || a.order - b.order)
      .map(({ segment, chunk, score }) => ({ segment, chunk, score }))
  }

  #worse(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]]
    if (one === undefined || other === undefined) return false
    return one.score < other.score || (one.score === other.score && one.order > other.order)
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]]
    if (one === undefined || other === undefined) return
    this.#heap[a] = other
    this.#heap[b] = one
  }

  #rise(from: number): void {
    let index = from
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#worse(index, parent)) return
      this.#swap(index, parent)
      index = parent
    }
  }

  #sink(): void {
    let index = 0
    for (;;) {
      let worst = index
      for (const child of [2 * index + 1, 2 * index + 2]) if (this.#worse(child, worst)) worst = child
      if (worst === index) return
      this.#swap(index, worst)
      index = worst
    }
  }
}

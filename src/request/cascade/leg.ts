import type { Batches } from '../../contract/ask.ts'
import type { Batch } from '../../contract/event.ts'

/** An answer that may begin before anybody reads it, and need not be read at all: what has come waits with its sender. */
export class Leg implements Pick<Batches, 'next'> {
  readonly #start: () => Batches
  #batches: Batches | undefined
  #first: Promise<IteratorResult<Batch, Batch>> | undefined
  #over = false

  constructor(start: () => Batches) {
    this.#start = start
  }

  begin(): void {
    this.#first = this.#read()
    // Whoever reads it is told of a bug; until then nobody is.
    this.#first.catch(() => undefined)
  }

  /** The next batch; not to be called after the last one. */
  async next(): Promise<IteratorResult<Batch, Batch>> {
    const first = this.#first
    this.#first = undefined
    const result = await (first ?? this.#read())
    this.#over ||= result.done === true
    return result
  }

  /** Reads it to its end, which is near where it was told to stop. */
  async ended(): Promise<void> {
    while (this.#batches !== undefined && !this.#over) await this.next()
  }

  #read(): Promise<IteratorResult<Batch, Batch>> {
    this.#batches ??= this.#start()
    return this.#batches.next()
  }
}

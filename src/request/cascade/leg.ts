import type { Batch } from '../../contract/event.ts'
import { assert } from '../../lib/assert.ts'

/** An answer that may begin before anybody reads it, and need not be read at all: what has come waits with its sender. */
export class Leg implements AsyncIterable<Batch> {
  readonly #start: () => AsyncIterable<Batch>
  #batches: AsyncIterator<Batch> | undefined
  #first: Promise<IteratorResult<Batch>> | undefined
  #over = false

  constructor(start: () => AsyncIterable<Batch>) {
    this.#start = start
  }

  begin(): void {
    this.#first = this.#next()
    // Whoever reads it is told of a bug; until then nobody is.
    this.#first.catch(() => undefined)
  }

  /** The next batch; to be called until it ends with a terminal event. */
  async take(): Promise<Batch> {
    const next = await this.#read()
    assert(next.done !== true, 'an answer ends with a terminal event')
    return next.value
  }

  /** Reads it to its end, which is near where it was told to stop. */
  async ended(): Promise<void> {
    while (this.#batches !== undefined && !this.#over) await this.#read()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (let next = await this.#read(); next.done !== true; next = await this.#read()) yield next.value
  }

  async #read(): Promise<IteratorResult<Batch>> {
    const first = this.#first
    this.#first = undefined
    const result = await (first ?? this.#next())
    this.#over ||= result.done === true
    return result
  }

  #next(): Promise<IteratorResult<Batch>> {
    this.#batches ??= this.#start()[Symbol.asyncIterator]()
    return this.#batches.next()
  }
}

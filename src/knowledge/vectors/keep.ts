import { pause } from '../../lib/clock.ts'
import type { Collections } from '../collection/collections.ts'
import { type VectorRound, type VectorRoundOptions, vectorRound } from './round.ts'

/** An engine that is not there is tried again so often. */
const AGAIN_MS = 30_000
/** Passages that were refused are tried again so often: the guard or the model may be another one by then. */
const LATER_MS = 3_600_000

/**
 * Makes the vectors that a collection lacks, for as long as it is watched: after each of its changes, and again and again
 * where an engine failed. One round runs at a time, beside the reading of files.
 */
export class VectorKeeper {
  #wake: (() => void) | undefined
  #woken = false

  /** Something has changed. */
  wake(): void {
    this.#woken = true
    this.#wake?.()
  }

  /** Until the abort. `tell` hears of rounds that made something, and of a reason to stop when it is another one. */
  async run(
    collections: Collections,
    name: string,
    options: VectorRoundOptions,
    tell: (round: VectorRound) => void,
  ): Promise<void> {
    const { signal } = options
    let said: string | undefined
    while (!signal.aborted) {
      this.#woken = false
      const round = await vectorRound(collections, name, options)
      if (round !== undefined && (round.made > 0 || round.stopped !== said)) tell(round)
      said = round?.stopped
      if (!this.#woken) await this.#wait(signal, round?.stopped === undefined ? LATER_MS : AGAIN_MS)
    }
  }

  async #wait(signal: AbortSignal, ms: number): Promise<void> {
    const ended = new AbortController()
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    await Promise.race([woken, pause(ms, AbortSignal.any([signal, ended.signal]))])
    ended.abort()
    this.#wake = undefined
  }
}

/**
 * DESIGN. A first lookup would compile what it runs and take every page's passages apart while somebody waits:
 * some 30 ms instead of one. So that work is done a little after the start, in slices of a few milliseconds, so
 * that a start is not later and no request waits for more than a slice. A process that ends before that, as
 * a single command does, is not kept alive by it.
 */

/** After the start: the first requests come first. */
const BEGIN_AFTER_MS = 300
/** Between two slices. */
const PAUSE_MS = 10

/** Calls `slice` until it says that nothing is left, or `stop` is called. */
export class WarmUp {
  readonly #slice: () => boolean
  #timer: NodeJS.Timeout | undefined

  constructor(slice: () => boolean) {
    this.#slice = slice
  }

  start(): void {
    this.#next(BEGIN_AFTER_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #next(afterMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.#more()) this.#next(PAUSE_MS)
    }, afterMs)
    this.#timer.unref()
  }

  /** What fails here fails in the first lookup too, and there somebody is told: nothing is lost by stopping. */
  #more(): boolean {
    try {
      return this.#slice()
    } catch {
      return false
    }
  }
}

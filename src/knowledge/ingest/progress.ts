import type { Writable } from 'node:stream'
import type { Clock } from '../../lib/clock.ts'

const REDRAW_MS = 100
const LINE_MS = 10_000
const BAR = 24

/**
 * How far reading files, or embedding, has come, on stderr: on a terminal one line that is written over, with a bar; elsewhere a line
 * now and then.
 */
export class IngestProgress {
  readonly #err: Writable
  readonly #clock: Clock
  readonly #total: number
  readonly #what: string
  readonly #terminal: boolean
  readonly #began: number
  #shown: number

  constructor(err: Writable, clock: Clock, total: number, what = 'files') {
    this.#err = err
    this.#clock = clock
    this.#total = total
    this.#what = what
    this.#terminal = 'isTTY' in err && err.isTTY === true
    this.#began = clock.elapsed()
    this.#shown = this.#began
  }

  readonly show = (done: number): void => {
    const now = this.#clock.elapsed()
    if (now - this.#shown < (this.#terminal ? REDRAW_MS : LINE_MS) && done < this.#total) return
    if (!this.#terminal && done === this.#total) return
    this.#shown = now
    const seconds = (now - this.#began) / 1_000
    const rate = done / Math.max(seconds, 0.001)
    const filled = Math.round((BAR * done) / Math.max(1, this.#total))
    const bar = this.#terminal ? `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}] ` : ''
    const left = `${Math.ceil((this.#total - done) / Math.max(rate, 0.001))} s left`
    const text = `${bar}${done} of ${this.#total} ${this.#what}, ${rate.toFixed(rate < 10 ? 1 : 0)} a second, ${left}`
    this.#err.write(this.#terminal ? `\r\u001b[K${text}` : `${text}\n`)
  }

  /** Clears the line that is written over. */
  end(): void {
    if (this.#terminal) this.#err.write('\r\u001b[K')
  }
}

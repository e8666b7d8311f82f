import type { Writable } from 'node:stream'
import type { Clock } from '../../lib/clock.ts'
import { shownBytes, shownSeconds } from './figures.ts'
import type { PullEvent } from './pull.ts'

/** Where progress is shown. */
export interface ProgressTo {
  readonly err: Writable
  readonly clock: Clock
  /** With --json nothing is shown. */
  readonly quiet: boolean
}

const REDRAW_MS = 100
/** Between two lines where nobody looks at a terminal. */
const LINE_MS = 10_000
/** The rate is that of the last seconds. */
const RATE_MS = 5_000
const COLUMNS_DEFAULT = 80
const BAR_MIN = 10
const BAR_MAX = 40

interface Sample {
  readonly at: number
  readonly done: number
}

/**
 * What happens while a model is fetched, for people: on a terminal one line that is written over, elsewhere a line
 * now and then. Data goes elsewhere: this writes to stderr.
 */
export class Progress {
  readonly #to: ProgressTo
  readonly #terminal: boolean
  #samples: Sample[] = []
  #shownAt = Number.NEGATIVE_INFINITY
  /** The line that stands on the terminal without an end. */
  #open = false

  constructor(to: ProgressTo) {
    this.#to = to
    this.#terminal = 'isTTY' in to.err && to.err.isTTY === true
  }

  readonly tell = (event: PullEvent): void => {
    if (event.type === 'bytes') this.#advance('', event.done, event.of)
    else if (event.type === 'reading') this.#advance('checking ', event.done, event.of)
    else this.say(wordsOf(event))
  }

  /** A line of its own. */
  say(text: string): void {
    if (this.#to.quiet) return
    this.end()
    this.#to.err.write(`upshift: ${text}\n`)
  }

  /** Ends the line that is written over. */
  end(): void {
    if (this.#open) this.#to.err.write('\n')
    this.#open = false
  }

  #advance(what: string, done: number, of: number | undefined): void {
    if (this.#to.quiet) return
    const now = this.#to.clock.elapsed()
    // Another thing is counted now: what is read again, or fetched again from the beginning.
    if (done < (this.#samples.at(-1)?.done ?? 0)) this.#samples = []
    this.#samples.push({ at: now, done })
    while (this.#samples.length > 2 && now - (this.#samples[1]?.at ?? now) >= RATE_MS) this.#samples.shift()
    const last = done === of
    const every = this.#terminal ? REDRAW_MS : LINE_MS
    if (now - this.#shownAt < every && !(last && this.#terminal)) return
    this.#shownAt = now
    const figures = this.#figures(done, of, now)
    if (!this.#terminal) {
      this.#to.err.write(`upshift: ${what}${figures}\n`)
      return
    }
    this.#to.err.write(`\r\u001b[K${this.#line(what, figures, of === undefined ? undefined : done / of)}`)
    this.#open = true
    if (last) this.end()
  }

  #figures(done: number, of: number | undefined, now: number): string {
    const first = this.#samples[0]
    const seconds = first === undefined ? 0 : (now - first.at) / 1_000
    const rate = first === undefined || seconds <= 0 ? undefined : (done - first.done) / seconds
    const share = of === undefined ? '' : `${of === 0 ? 100 : Math.floor((done / of) * 100)} %  `
    const total = of === undefined ? shownBytes(done) : `${shownBytes(done)} of ${shownBytes(of)}`
    const speed = rate === undefined ? '' : `  ${shownBytes(Math.round(rate))}/s`
    const left =
      of === undefined || rate === undefined || rate <= 0 || done >= of
        ? ''
        : `  ${shownSeconds((of - done) / rate)} left`
    return `${share}${total}${speed}${left}`
  }

  #line(what: string, figures: string, share: number | undefined): string {
    const { err } = this.#to
    const columns = 'columns' in err && typeof err.columns === 'number' ? err.columns : COLUMNS_DEFAULT
    const text = `${what}${figures}`
    const room = Math.min(BAR_MAX, columns - text.length - 5)
    if (share === undefined || room < BAR_MIN) return text.slice(0, Math.max(0, columns - 1))
    const full = Math.min(room, Math.floor(share * room))
    return `[${'#'.repeat(full)}${'-'.repeat(room - full)}]  ${text}`
  }
}

function wordsOf(event: Exclude<PullEvent, { type: 'bytes' | 'reading' }>): string {
  switch (event.type) {
    case 'contacting':
      return `contacting ${event.host}`
    case 'begin': {
      const { bytes, files, here } = event
      const size = bytes === undefined ? 'of a length that the server does not say' : shownBytes(bytes)
      const parts = files === 1 ? '' : ` in ${files} files`
      return `${size}${parts}${here === 0 ? '' : `; ${shownBytes(here)} are here from before`}`
    }
    case 'waiting':
      return `${withoutAdvice(event.why)} The next attempt is in ${shownSeconds(event.ms / 1_000)}.`
    case 'restarted':
      return `begun anew, because ${event.why}`
    case 'unverified':
      return `${event.file}: nothing names its checksum; its length and its structure are looked at.`
    case 'note':
      return event.text
  }
}

/** What a person should do if it were the end: here the next attempt is made anyway. */
function withoutAdvice(why: string): string {
  return why.replace(/ Pull again[^.]*\.$/, '')
}

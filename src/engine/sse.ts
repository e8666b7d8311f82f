/**
 * DESIGN. An incremental parser of Server-Sent Events over socket reads, to the WHATWG specification
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
 *
 * A byte 0x0A or 0x0D never occurs inside a multi-byte UTF-8 sequence. So each read is cut after its last line
 * end, what lies before the cut is decoded in one go, and what lies behind it waits as bytes for the next read:
 * a split character is never decoded in halves, and the common read (whole events) costs one decoding and,
 * per event, two `indexOf` and one `slice`. Reads without a line end are only appended to a list, so a 2 MB
 * event in 64 KB reads is linear.
 *
 * Three departures, each for engines that exist: an event with nothing but white space is skipped (a
 * keep-alive), what is left unfinished at the end is handed out by `end` rather than dropped (a last
 * `data: [DONE]` without its blank line), and a field `error` is told from `data` (older llama.cpp).
 */

/** An event may not be larger than this: bytes while it is incomplete, UTF-16 units once it is decoded. */
export const MAX_EVENT_BYTES = 4 * 1024 * 1024

const LINE_FEED = 10
const CARRIAGE_RETURN = 13
const SPACE = 32
const COLON = 58
const ASCII_MAX = 127
const LETTER_D = 100
const LETTER_E = 101
const BYTE_ORDER_MARK = 0xfeff

export type SseField = 'data' | 'error'

export interface SseReceiver {
  /**
   * One event. `oneLine` is false where `data` was joined from several lines and so holds line feeds.
   * Returning false ends the parsing: later reads are ignored.
   */
  event(data: string, oneLine: boolean, field: SseField): boolean
  /** An event outgrew MAX_EVENT_BYTES; the parsing has ended. */
  tooLarge(): void
}

export class SseParser {
  readonly #receiver: SseReceiver
  #kept: Buffer[] = []
  #keptBytes = 0
  #data: string | undefined
  #oneLine = true
  #field: SseField = 'data'
  #first = true
  #skipLineFeed = false
  #ended = false

  constructor(receiver: SseReceiver) {
    this.#receiver = receiver
  }

  /** Takes one socket read; calls the receiver for every event that it completes. */
  push(read: Buffer): void {
    if (this.#ended) return
    let bytes = read
    if (this.#skipLineFeed && bytes.length > 0) {
      this.#skipLineFeed = false
      if (bytes[0] === LINE_FEED) bytes = bytes.subarray(1)
    }
    if (bytes.length === 0) return
    const cut = lastLineEnd(bytes)
    if (cut === 0) {
      this.#keep(bytes)
      return
    }
    // A CR at the very end may be half of a CRLF: its LF must not count as an empty line.
    this.#skipLineFeed = cut === bytes.length && bytes[cut - 1] === CARRIAGE_RETURN
    this.#lines(this.#decode(bytes, cut))
    if (!this.#ended && cut < bytes.length) this.#keep(bytes.subarray(cut))
  }

  /** The stream is over. Returns the data of an event that was not ended by a blank line. */
  end(): string | undefined {
    if (this.#ended) return undefined
    if (this.#keptBytes > 0) {
      const rest = Buffer.concat(this.#kept)
      this.#kept = []
      this.#lines(`${this.#text(rest.toString('utf8'))}\n`)
    }
    this.#ended = true
    return this.#data
  }

  #keep(bytes: Buffer): void {
    this.#kept.push(bytes)
    this.#keptBytes += bytes.length
    if (this.#keptBytes + (this.#data?.length ?? 0) > MAX_EVENT_BYTES) this.#overflow()
  }

  #decode(bytes: Buffer, cut: number): string {
    let text: string
    if (this.#keptBytes === 0) {
      text = bytes.toString('utf8', 0, cut)
    } else {
      this.#kept.push(bytes.subarray(0, cut))
      text = Buffer.concat(this.#kept).toString('utf8')
      this.#kept = []
      this.#keptBytes = 0
    }
    return this.#text(text)
  }

  #text(decoded: string): string {
    let text = decoded
    if (this.#first) {
      this.#first = false
      if (text.charCodeAt(0) === BYTE_ORDER_MARK) text = text.slice(1)
    }
    return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
  }

  /** `text` is whole lines, each ended by a line feed. */
  #lines(text: string): void {
    let at = 0
    while (at < text.length) {
      const end = text.indexOf('\n', at)
      if (end !== at) this.#line(text, at, end)
      else if (this.#data !== undefined) this.#dispatch()
      if (this.#ended) return
      at = end + 1
    }
  }

  #line(text: string, at: number, end: number): void {
    const letter = text.charCodeAt(at)
    if (letter === LETTER_D && text.startsWith('data', at)) this.#value(text, at + 4, end)
    else if (letter === LETTER_E && text.startsWith('error:', at)) {
      this.#field = 'error'
      this.#value(text, at + 5, end)
    }
    // Comments, `event`, `id`, `retry` and unknown fields mean nothing to a chat stream.
  }

  #value(text: string, colon: number, end: number): void {
    let start = colon
    if (colon < end) {
      if (text.charCodeAt(colon) !== COLON) return // a longer field name, such as `database`
      start = text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1
    }
    const value = text.slice(start, end)
    if (this.#data === undefined) {
      this.#data = value
    } else {
      this.#data = `${this.#data}\n${value}`
      this.#oneLine = false
    }
    if (this.#data.length > MAX_EVENT_BYTES) this.#overflow()
  }

  #dispatch(): void {
    const data = this.#data
    const oneLine = this.#oneLine
    const field = this.#field
    this.#data = undefined
    this.#oneLine = true
    this.#field = 'data'
    if (data === undefined || isBlank(data)) return
    if (!this.#receiver.event(data, oneLine, field)) this.#ended = true
  }

  #overflow(): void {
    this.#ended = true
    this.#kept = []
    this.#data = undefined
    this.#receiver.tooLarge()
  }
}

/** The index behind the last line end, or 0. */
function lastLineEnd(bytes: Buffer): number {
  const behindFeed = bytes.lastIndexOf(LINE_FEED) + 1
  if (behindFeed === bytes.length) return behindFeed
  const behindReturn = bytes.subarray(behindFeed).lastIndexOf(CARRIAGE_RETURN) + 1
  return behindReturn === 0 ? behindFeed : behindFeed + behindReturn
}

function isBlank(data: string): boolean {
  if (data.length === 0) return true
  const first = data.charCodeAt(0)
  // White space is a control character, a space, or above ASCII: most data ends the question here.
  return (first <= SPACE || first > ASCII_MAX) && data.trim().length === 0
}

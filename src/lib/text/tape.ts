/**
 * A reader that may have to wait: it yields where the text that is there ends, and is taken up again with more.
 */
export type Reading<T> = Generator<undefined, T, undefined>

/** Characters that are remembered of what has been read. */
const BEFORE_CHARS = 64

/**
 * A text that arrives in pieces, and the place where it is read. What has been read is dropped, so no reader may
 * keep an index across a `yield`. `limit` and `offset` count from the beginning of the text, in UTF-16 units.
 */
export class Tape {
  text = ''
  /** The place in `text`. */
  at = 0
  /** Nothing follows what is there. */
  ended = false
  /** No reader goes beyond this offset. */
  limit = Number.POSITIVE_INFINITY
  #dropped = 0
  #before = ''

  /** A tape that holds all of a text. */
  static of(text: string): Tape {
    const tape = new Tape()
    tape.text = text
    tape.ended = true
    return tape
  }

  get offset(): number {
    return this.#dropped + this.at
  }

  /** Characters that lie in `text` and within the limit. */
  get end(): number {
    return Math.min(this.text.length, this.limit - this.#dropped)
  }

  push(piece: string): void {
    if (this.at > 0) this.#drop()
    this.text += piece
  }

  /** Takes a piece as read, where all before it has been. */
  skip(piece: string): void {
    this.#before = this.before
    this.#dropped += this.at
    this.text = piece
    this.at = piece.length
  }

  /** The last characters that were read, up to 64. */
  get before(): string {
    return (this.#before + this.text.slice(Math.max(0, this.at - BEFORE_CHARS), this.at)).slice(-BEFORE_CHARS)
  }

  #drop(): void {
    this.#before = this.before
    this.#dropped += this.at
    this.text = this.text.slice(this.at)
    this.at = 0
  }
}

/** The next character, waited for; empty where the text or the limit ends. It stays unread. */
export function* nextChar(tape: Tape): Reading<string> {
  while (tape.at >= tape.end) {
    if (tape.ended || tape.offset >= tape.limit) return ''
    yield
  }
  return tape.text.charAt(tape.at)
}

/** True where nothing is left of a text that has ended within its limit. */
export function hasEnded(tape: Tape): boolean {
  return tape.ended && tape.at >= tape.text.length && tape.offset < tape.limit
}

/** Reads past white space; returns the next character as `nextChar` does. */
export function* pastSpace(tape: Tape): Reading<string> {
  for (;;) {
    const char = tape.at < tape.end ? tape.text.charAt(tape.at) : yield* nextChar(tape)
    if (char === '' || !isSpace(char)) return char
    tape.at++
  }
}

/** What stands before `mark`, which is read as well; undefined where it never comes. */
export function* readUntil(tape: Tape, mark: string): Reading<string | undefined> {
  let text = ''
  for (;;) {
    const found = tape.text.indexOf(mark, tape.at)
    if (found !== -1 && found + mark.length <= tape.end) {
      text += tape.text.slice(tape.at, found)
      tape.at = found + mark.length
      return text
    }
    // The mark may have begun in the last characters.
    const sure = Math.max(tape.at, tape.end - mark.length + 1)
    text += tape.text.slice(tape.at, sure)
    tape.at = sure
    if (tape.ended || tape.offset + mark.length > tape.limit) return undefined
    yield
  }
}

/** The result of a reading of a text that is all there. */
export function readNow<T>(reading: Reading<T>): T {
  const step = reading.next()
  if (step.done === true) return step.value
  throw new Error('A reader waits for more of a text that has ended.')
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\t' || char === '\r' || char === '\u00a0'
}

import type { ServerResponse } from 'node:http'

/** A longer text costs more to copy behind its length than to write in pieces. */
const JOINED_CHARACTERS_MAX = 16_384
const LAST_CHUNK = '0\r\n\r\n'

/**
 * The body of an answer whose head has been made. Node writes a chunk in four pieces (its length, a line end, the text,
 * a line end), which for the short events of a stream cost half as much again as the write itself: here a chunk is one
 * text. Source: the chunked coding of RFC 9112, section 7.1.
 */
export class AnswerBody {
  readonly #raw: ServerResponse
  readonly #chunked: boolean

  constructor(raw: ServerResponse) {
    this.#raw = raw
    // Not where the head tells a length, nor to a client of HTTP/1.0, which reads until the connection ends.
    this.#chunked = raw.chunkedEncoding
    // From here on Node takes what it is given as it is.
    raw.chunkedEncoding = false
  }

  /** True once nobody reads it any more. */
  get destroyed(): boolean {
    return this.#raw.destroyed
  }

  /** False where the reader is slower: then what comes next waits until it is `drained`. */
  write(text: string): boolean {
    const raw = this.#raw
    if (!this.#chunked) return raw.write(text)
    if (text.length <= JOINED_CHARACTERS_MAX) return text === '' || raw.write(chunkOf(text))
    raw.write(lengthOf(text))
    raw.write(text)
    return raw.write('\r\n')
  }

  /** A last text, with the end: cheaper than one after the other. */
  end(text = ''): void {
    const raw = this.#raw
    if (!this.#chunked) raw.end(text)
    else if (text.length <= JOINED_CHARACTERS_MAX) raw.end(chunkOf(text) + LAST_CHUNK)
    else {
      this.write(text)
      raw.end(LAST_CHUNK)
    }
  }

  /** Everything has been taken, or nobody takes it any more. */
  get flushed(): boolean {
    return this.#raw.writableLength === 0 || this.#raw.destroyed
  }

  /** Waits until a slow reader has taken what was written; one that takes nothing for too long is cut off. */
  drained(slowReaderMs: number): Promise<void> {
    const raw = this.#raw
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        raw.off('drain', done)
        raw.off('close', done)
        resolve()
      }
      const timer = setTimeout(() => raw.destroy(), slowReaderMs)
      raw.once('drain', done)
      raw.once('close', done)
    })
  }
}

/** Nothing for a text that is empty: its chunk would be the last one. */
function chunkOf(text: string): string {
  return text === '' ? '' : `${lengthOf(text)}${text}\r\n`
}

function lengthOf(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n`
}

import type { ServerResponse } from 'node:http'

/** A longer text costs more to copy behind its length than to write in pieces. */
const JOINED_CHARACTERS_MAX = 16_384
const LAST_CHUNK = '0\r\n\r\n'
/** What a reader has to take within `slowReaderMs`, so that one that takes a long text slowly is not cut off. */
const PIECE_BYTES = 65_536

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

  /** A last text, with the end: cheaper than one after the other. Resolves once a slow reader has taken it, or is cut off. */
  async end(text: string, slowReaderMs: number): Promise<void> {
    const raw = this.#raw
    if (text.length > JOINED_CHARACTERS_MAX) await this.#endLong(Buffer.from(text), slowReaderMs)
    else raw.end(this.#chunked ? chunkOf(text) + LAST_CHUNK : text)
    if (!flushed(raw)) await drained(raw, slowReaderMs)
  }

  /** One chunk, in pieces that each wait for the one before. */
  async #endLong(bytes: Buffer, slowReaderMs: number): Promise<void> {
    const raw = this.#raw
    if (this.#chunked) raw.write(`${bytes.length.toString(16)}\r\n`)
    let at = 0
    for (; at + PIECE_BYTES < bytes.length && !raw.destroyed; at += PIECE_BYTES)
      if (!raw.write(bytes.subarray(at, at + PIECE_BYTES))) await drained(raw, slowReaderMs)
    if (raw.destroyed) return
    if (!this.#chunked) raw.end(bytes.subarray(at))
    else {
      raw.write(bytes.subarray(at))
      raw.end(`\r\n${LAST_CHUNK}`)
    }
  }

  /** Waits until a slow reader has taken what was written; one that takes nothing for too long is cut off. */
  drained(slowReaderMs: number): Promise<void> {
    return drained(this.#raw, slowReaderMs)
  }
}

/** Cuts off a reader that leaves this many bytes unread, which have been written with their end. */
export function boundUnread(raw: ServerResponse, bytes: number, slowReaderMs: number): void {
  if (!flushed(raw)) void drained(raw, slowReaderMs * Math.ceil(bytes / PIECE_BYTES))
}

/** Everything has been taken, or nobody takes it any more. */
function flushed(raw: ServerResponse): boolean {
  return raw.writableLength === 0 || raw.destroyed
}

function drained(raw: ServerResponse, slowReaderMs: number): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const begin = (): void => {
      timer = setTimeout(() => raw.destroy(), slowReaderMs)
    }
    const done = (): void => {
      clearTimeout(timer)
      raw.off('socket', begin)
      raw.off('drain', done)
      raw.off('close', done)
      resolve()
    }
    raw.once('drain', done)
    raw.once('close', done)
    // Behind another answer on its connection nobody can read it yet.
    if (raw.socket === null) raw.once('socket', begin)
    else begin()
  })
}

/** Nothing for a text that is empty: its chunk would be the last one. */
function chunkOf(text: string): string {
  return text === '' ? '' : `${lengthOf(text)}${text}\r\n`
}

function lengthOf(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n`
}

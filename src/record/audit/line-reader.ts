import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** A line as it stands in a segment, whole or not. `bytes` are valid only while it is visited. */
export interface FileLine {
  readonly offset: number
  /** Without the line feed. */
  readonly bytes: Buffer
  /** False for the rest of a file behind its last line feed. */
  readonly ended: boolean
}

export interface LineVisit {
  line(line: FileLine): void
  /** After each piece of the file. */
  read(bytes: number): void
  readonly signal: AbortSignal
}

const CHUNK_BYTES = 1_048_576
/** A longer line is no entry: it is visited by its beginning, and its rest is skipped. */
const MAX_LINE_BYTES = 16_777_216
const LINE_FEED = 10

/**
 * Visits every line of a file as long as it was when opened, unreadable ones too, in bounded memory, and lets the
 * event loop turn after each MiB. Returns the file's size. Rejects with the signal's reason once it aborts.
 */
export async function eachLine(path: string, visit: LineVisit): Promise<number> {
  const descriptor = openSync(path, 'r')
  try {
    const { size } = fstatSync(descriptor)
    const rest = new Rest(visit)
    let at = 0
    while (at < size) {
      visit.signal.throwIfAborted()
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at))
      const read = readSync(descriptor, chunk, 0, chunk.length, at)
      if (read === 0) break
      rest.take(chunk.subarray(0, read), at)
      at += read
      visit.read(read)
      await new Promise((resolve) => setImmediate(resolve))
    }
    rest.end()
    return at
  } finally {
    closeSync(descriptor)
  }
}

/** What lies between the last line feed and the end of what was read. */
class Rest {
  readonly #visit: LineVisit
  #bytes: Buffer = Buffer.alloc(0)
  #offset = 0
  /** True within a line that was visited by its beginning. */
  #skipping = false

  constructor(visit: LineVisit) {
    this.#visit = visit
  }

  take(chunk: Buffer, at: number): void {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const offset = at - this.#bytes.length
    let start = 0
    for (let end = bytes.indexOf(LINE_FEED, this.#bytes.length); end !== -1; ) {
      if (!this.#skipping)
        this.#visit.line({ offset: offset + start, bytes: bytes.subarray(start, end), ended: true })
      this.#skipping = false
      start = end + 1
      end = bytes.indexOf(LINE_FEED, start)
    }
    this.#bytes = this.#skipping ? Buffer.alloc(0) : bytes.subarray(start)
    this.#offset = offset + start
    if (this.#bytes.length <= MAX_LINE_BYTES) return
    this.#visit.line({ offset: this.#offset, bytes: this.#bytes, ended: true })
    this.#skipping = true
    this.#bytes = Buffer.alloc(0)
  }

  end(): void {
    if (this.#bytes.length > 0) this.#visit.line({ offset: this.#offset, bytes: this.#bytes, ended: false })
  }
}

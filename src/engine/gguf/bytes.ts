import type { FileHandle } from 'node:fs/promises'

/** What is wrong with a file that should be GGUF, as the second half of a sentence. */
export class NotGguf extends Error {
  override readonly name = 'NotGguf'
}

/** Bytes that are held of a header at a time; the longest piece that is read whole is shorter. */
const WINDOW_BYTES = 262_144

/**
 * Little-endian values of a file's head, in order, through a window: what is skipped is not read, and nothing
 * beyond `limitBytes` is looked at. Throws NotGguf where the file or the limit ends first.
 */
export class HeaderBytes {
  readonly #file: FileHandle
  readonly #limitBytes: number
  readonly #fileBytes: number
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES)
  /** Where in the file the window begins. */
  #start = 0
  #filled = 0
  #at = 0

  constructor(file: FileHandle, fileBytes: number, limitBytes: number) {
    this.#file = file
    this.#fileBytes = fileBytes
    this.#limitBytes = limitBytes
  }

  /** Bytes of the file that have been passed. */
  get position(): number {
    return this.#start + this.#at
  }

  /** Bytes that the header may still have. */
  get left(): number {
    return Math.min(this.#fileBytes, this.#limitBytes) - this.position
  }

  /** Waits until `bytes` can be taken from the window without waiting. */
  async need(bytes: number): Promise<void> {
    if (this.holds(bytes)) return
    this.#expect(bytes)
    this.#window.copyWithin(0, this.#at, this.#filled)
    this.#start += this.#at
    this.#filled -= this.#at
    this.#at = 0
    while (this.#filled < bytes) {
      const room = WINDOW_BYTES - this.#filled
      const read = await this.#file.read(this.#window, this.#filled, room, this.#start + this.#filled)
      if (read.bytesRead === 0) throw new NotGguf('it ends in the middle of its header')
      this.#filled += read.bytesRead
    }
  }

  /** True where `bytes` lie in the window. */
  holds(bytes: number): boolean {
    return this.#filled - this.#at >= bytes
  }

  /** Passes over bytes without reading them. */
  skip(bytes: number): void {
    this.#expect(bytes)
    if (this.holds(bytes)) {
      this.#at += bytes
      return
    }
    this.#start = this.position + bytes
    this.#filled = 0
    this.#at = 0
  }

  /** A count or size; the bytes must have been waited for, as for all that follow. */
  u64(): number {
    const value = this.#window.readBigUInt64LE(this.#take(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new NotGguf('a size in its header is beyond any file')
    return Number(value)
  }

  u32(): number {
    return this.#window.readUInt32LE(this.#take(4))
  }

  /** The next bytes; a view that is good until the next wait. */
  take(bytes: number): Buffer {
    const at = this.#take(bytes)
    return this.#window.subarray(at, at + bytes)
  }

  /** A text of at most `most` bytes; its length stands before it. */
  async text(most: number, what: string): Promise<string> {
    await this.need(8)
    const bytes = this.u64()
    if (bytes > most) throw new NotGguf(`${what} in its header is longer than ${most} bytes`)
    await this.need(bytes)
    return this.take(bytes).toString('utf8')
  }

  /** Passes over texts, each with its length before it. */
  async skipTexts(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      if (!this.holds(8)) await this.need(8)
      this.skip(this.u64())
    }
  }

  #take(bytes: number): number {
    const at = this.#at
    this.#at += bytes
    return at
  }

  #expect(bytes: number): void {
    if (bytes <= this.left) return
    throw new NotGguf(
      this.#fileBytes < this.#limitBytes
        ? 'it ends in the middle of its header'
        : `its header is longer than ${this.#limitBytes} bytes`,
    )
  }
}

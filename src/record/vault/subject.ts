import { type Cipheriv, createCipheriv } from 'node:crypto'
import { assert } from '../../lib/assert.ts'
import { firstBlock, framePrefix, idOfRef, NONCE_BYTES } from './frame.ts'
import type { RandomBytes } from './master.ts'

/**
 * `fresh`: its row is not written yet. `stored`: it is. `evicted`: stored, and its key no longer in memory.
 * `erased`: there is no key any more. `lost`: its row could not be written.
 */
type SubjectState = 'fresh' | 'stored' | 'evicted' | 'erased' | 'lost'

/** Somebody whose texts are kept, as whoever keeps them holds it. The name is in memory only. */
export class Subject {
  /** `sub_…` */
  readonly ref: string
  readonly name: string
  state: SubjectState
  readonly #id: Buffer
  readonly #textKey: Buffer
  #stream: Stream | undefined

  /** Takes over the key's memory and zeroes it at the end. */
  constructor(ref: string, name: string, textKey: Buffer, state: 'fresh' | 'stored') {
    const id = idOfRef(ref)
    assert(id !== undefined, `${ref} is a subject's ref`)
    this.ref = ref
    this.name = name
    this.state = state
    this.#id = id
    this.#textKey = textKey
  }

  /** True while its key is in memory. */
  get live(): boolean {
    return this.state === 'stored' || this.state === 'fresh'
  }

  /** The stream that its next text goes into. */
  stream(randomBytes: RandomBytes): Stream {
    assert(this.live, `the key of ${this.ref} is in memory`)
    if (this.#stream?.spent === false) return this.#stream
    this.#stream?.end()
    this.#stream = new Stream(this.#id, this.#textKey, randomBytes(NONCE_BYTES))
    return this.#stream
  }

  /** Gives back the key stream that was made ahead; its next text goes on after it. */
  rest(): void {
    this.#stream?.rest()
  }

  /** Zeroes the key. */
  end(state: 'evicted' | 'erased' | 'lost'): void {
    this.state = state
    this.#textKey.fill(0)
    this.#stream?.end()
    this.#stream = undefined
  }
}

/** Far below the 2³⁶ bytes that a counter of 32 bits reaches, whatever one text adds. */
const STREAM_BYTES_MAX = 2 ** 34

/**
 * Bytes of key stream that are made at once: a call of the cipher, and a buffer, for each text would cost more than its
 * encryption. The first is small, and each is four times the one before: most subjects have few texts in a row.
 */
const FIRST_CHUNK_BYTES = 1_024
const CHUNK_BYTES_MAX = 65_536
const CHUNK_GROWTH = 4
const ZEROS = Buffer.alloc(CHUNK_BYTES_MAX)

/** One key stream that only moves forward. */
class Stream {
  readonly prefix: Buffer
  /** True where no further text may go into it. */
  spent = false
  readonly #cipher: Cipheriv
  #chunk: Buffer = Buffer.alloc(0)
  #words: Uint32Array = new Uint32Array(0)
  /** Where the chunk begins in the stream, and how much of it is used. */
  #begins = 0
  #used = 0

  constructor(id: Buffer, textKey: Buffer, nonce: Buffer) {
    this.prefix = framePrefix(id, nonce)
    this.#cipher = createCipheriv('aes-256-ctr', textKey, firstBlock(nonce))
  }

  /** Encrypts `length` bytes where they lie, and returns the offset in the stream at which it did. `words` is `bytes`, four at a time. */
  encrypt(bytes: Uint8Array, words: Uint32Array, from: number, length: number): number {
    // Four bytes at a time where both sides lie alike: up to three bytes of the stream are left out for that.
    if (this.#used < this.#chunk.length) this.#used += (from - this.#used) & 3
    if (this.#used >= this.#chunk.length) this.#refill()
    this.#used += (from - this.#used) & 3
    const offset = this.#begins + this.#used
    for (let at = from, end = from + length; at < end; ) {
      if (this.#used === this.#chunk.length) this.#refill()
      const count = Math.min(end - at, this.#chunk.length - this.#used)
      this.#mix(bytes, words, at, at + count)
      at += count
      this.#used += count
    }
    this.spent = this.#begins + this.#used >= STREAM_BYTES_MAX
    return offset
  }

  /** What is left of the chunk is never used. */
  rest(): void {
    this.#begins += this.#chunk.length
    this.#used = 0
    this.#chunk.fill(0)
    this.#chunk = Buffer.alloc(0)
    this.#words = new Uint32Array(0)
  }

  /** Frees the cipher, and OpenSSL overwrites the key in it. */
  end(): void {
    this.spent = true
    this.#chunk.fill(0)
    this.#cipher.final()
  }

  #mix(bytes: Uint8Array, words: Uint32Array, from: number, to: number): void {
    const chunk = this.#chunk
    let at = from
    let key = this.#used
    for (; at < to && (at & 3) !== 0; at++, key++) bytes[at] = (bytes[at] ?? 0) ^ (chunk[key] ?? 0)
    const wordsEnd = at + ((to - at) & ~3)
    for (let word = at >>> 2, end = wordsEnd >>> 2, keyWord = key >>> 2; word < end; word++, keyWord++) {
      words[word] = (words[word] ?? 0) ^ (this.#words[keyWord] ?? 0)
    }
    key += wordsEnd - at
    for (at = wordsEnd; at < to; at++, key++) bytes[at] = (bytes[at] ?? 0) ^ (chunk[key] ?? 0)
  }

  #refill(): void {
    // Where the cipher throws, nobody knows how far it went: then it is not used again.
    this.spent = true
    const before = this.#chunk.length
    const bytes = Math.min(CHUNK_BYTES_MAX, before === 0 ? FIRST_CHUNK_BYTES : before * CHUNK_GROWTH)
    this.#chunk.fill(0)
    this.#chunk = atWord(this.#cipher.update(ZEROS.subarray(0, bytes)))
    this.#words = new Uint32Array(this.#chunk.buffer, this.#chunk.byteOffset, bytes / 4)
    this.#begins += before
    this.#used = 0
    this.spent = false
  }
}

/** The same bytes from a word's boundary on: as they are, or, where the cipher's buffer does not begin at one, moved. */
function atWord(made: Buffer): Buffer {
  if (made.byteOffset % Uint32Array.BYTES_PER_ELEMENT === 0) return made
  const moved = Buffer.allocUnsafeSlow(made.length)
  made.copy(moved)
  made.fill(0)
  return moved
}

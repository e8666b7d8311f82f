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

/** One cipher that only moves forward. */
class Stream {
  readonly prefix: Buffer
  /** Where the next text begins, in bytes. */
  offset = 0
  /** True where no further text may go into it. */
  spent = false
  readonly #cipher: Cipheriv

  constructor(id: Buffer, textKey: Buffer, nonce: Buffer) {
    this.prefix = framePrefix(id, nonce)
    this.#cipher = createCipheriv('aes-256-ctr', textKey, firstBlock(nonce))
  }

  encrypt(text: Uint8Array | string): Buffer {
    // Where the cipher throws, nobody knows how far it went: then it is not used again.
    this.spent = true
    const sealed = typeof text === 'string' ? this.#cipher.update(text, 'utf8') : this.#cipher.update(text)
    this.offset += sealed.length
    this.spent = this.offset >= STREAM_BYTES_MAX
    return sealed
  }

  /** Frees the cipher, and OpenSSL overwrites the key in it. */
  end(): void {
    this.spent = true
    this.#cipher.final()
  }
}

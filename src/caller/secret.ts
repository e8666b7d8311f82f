import { hash } from 'node:crypto'

/** Cryptographically strong random bytes: node's `randomBytes`, handed in so that a test can hold it still. */
export type RandomBytes = (size: number) => Buffer

const PREFIX = 'upk_'
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no i, l, o, u
const SECRET_BYTES = 20
const SECRET_CHARS = 32
export const DIGEST_BYTES = 32

/** How a key of ours looks; only a hint for messages, since the owner may bring a key of another form. */
export const SECRET_PATTERN: RegExp = /^upk_[0-9a-hjkmnp-tv-z]{32}$/

/** `upk_` and 32 characters: 160 random bits. The public id `key_…` is drawn apart and tells nothing of it. */
export function newSecret(randomBytes: RandomBytes): string {
  const bytes = randomBytes(SECRET_BYTES)
  let text = PREFIX
  for (let digit = 0; digit < SECRET_CHARS; digit++) {
    // 5 bits at position digit × 5, from the two bytes that they may lie in.
    const bit = digit * 5
    const byte = bit >> 3
    const pair = ((bytes[byte] ?? 0) << 8) | (bytes[byte + 1] ?? 0)
    text += ALPHABET[(pair >> (11 - (bit & 7))) & 31]
  }
  return text
}

/**
 * The SHA-256 of a secret, 32 bytes: all that is kept of it. A slow password hash would buy nothing: it
 * protects secrets that can be guessed, and 160 random bits (or an owner's own long key) cannot be, while it
 * would cost every request milliseconds.
 */
export function digestOf(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}

/**
 * The same digest, written into 32 bytes that are at hand, and as text of one character a byte. Half the time of one
 * in a Buffer of its own: for what every request asks.
 */
export function digestInto(secret: string, into: Buffer): string {
  const digest = hash('sha256', secret, 'latin1')
  into.write(digest, 'latin1')
  return digest
}

/** Eight hex digits of the digest, to tell two secrets of one key apart in lists; fit for logs. */
export function fingerprintOf(digest: Uint8Array): string {
  return Buffer.from(digest.subarray(0, 4)).toString('hex')
}

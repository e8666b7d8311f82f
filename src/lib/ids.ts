import { randomFillSync } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no i, l, o, u
const POOL_BYTES = 4096
const RANDOM_BYTES = 10
const RANDOM_CHARS = 16
const TIME_CHARS = 10
/** What five of the time's digits hold: 25 bits each half, which whole-number arithmetic takes apart. */
const HALF_TIME = 2 ** 25

const DIGITS = Buffer.from(ALPHABET)
// One byte more than is drawn: the last digit's byte is read with the one after it.
const pool = Buffer.alloc(POOL_BYTES + 1)
const digits = Buffer.alloc(TIME_CHARS + RANDOM_CHARS)
let used = POOL_BYTES

/**
 * `prefix_` and 26 characters: 48 bits of milliseconds, then 80 random bits, so that ids sort by time and
 * cannot be guessed. Source: the ULID layout.
 */
export function newId(prefix: string, nowMs: number): string {
  if (used + RANDOM_BYTES > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  writeDigits(Math.floor(nowMs / HALF_TIME), TIME_CHARS / 2)
  writeDigits(nowMs % HALF_TIME, TIME_CHARS)
  for (let digit = 0; digit < RANDOM_CHARS; digit++) {
    // 5 bits at position digit × 5, from the two bytes that they may lie in.
    const bit = digit * 5
    const byte = used + (bit >> 3)
    const pair = ((pool[byte] ?? 0) << 8) | (pool[byte + 1] ?? 0)
    digits[TIME_CHARS + digit] = DIGITS[(pair >> (11 - (bit & 7))) & 31] ?? 0
  }
  used += RANDOM_BYTES
  return `${prefix}_${digits.toString('latin1')}`
}

/** Writes five digits, the last of them right before `end`. */
function writeDigits(value: number, end: number): void {
  for (let left = value, at = end - 1; at >= end - TIME_CHARS / 2; at--, left >>>= 5) {
    digits[at] = DIGITS[left & 31] ?? 0
  }
}

import { randomFillSync } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford's base 32: no i, l, o, u
const POOL_BYTES = 4096
const RANDOM_BYTES = 10

const pool = Buffer.alloc(POOL_BYTES)
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
  let text = ''
  for (let time = nowMs, digit = 0; digit < 10; digit++) {
    text = ALPHABET[time % 32] + text
    time = Math.floor(time / 32)
  }
  for (let group = 0; group < RANDOM_BYTES; group += 5) {
    // Five bytes are eight base-32 digits: 40 bits fit a double exactly.
    let bits = pool.readUIntBE(used + group, 5)
    let digits = ''
    for (let digit = 0; digit < 8; digit++) {
      digits = ALPHABET[bits % 32] + digits
      bits = Math.floor(bits / 32)
    }
    text += digits
  }
  used += RANDOM_BYTES
  return `${prefix}_${text}`
}

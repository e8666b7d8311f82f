import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { RandomBytes } from './master.ts'

/** Source: AES-256-GCM, NIST SP 800-38D, with a random IV of 96 bits for each box. */
const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

/** IV ‖ ciphertext ‖ tag: 28 bytes more than `plain`. `bound` must be the same to open it again. */
export function wrap(key: Uint8Array, plain: Uint8Array, bound: string, randomBytes: RandomBytes): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, iv)
  cipher.setAAD(Buffer.from(bound))
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** What was wrapped, in memory of its own; undefined where box, key or `bound` are not those of the wrapping. */
export function unwrap(key: Uint8Array, box: Uint8Array, bound: string): Buffer | undefined {
  if (box.length < IV_BYTES + TAG_BYTES) return undefined
  const decipher = createDecipheriv(ALGORITHM, key, box.subarray(0, IV_BYTES))
  decipher.setAAD(Buffer.from(bound))
  decipher.setAuthTag(box.subarray(box.length - TAG_BYTES))
  const plain = decipher.update(box.subarray(IV_BYTES, box.length - TAG_BYTES))
  try {
    decipher.final()
    return plain
  } catch {
    // The one thing that `final` of GCM can say is that the tag does not fit.
    plain.fill(0)
    return undefined
  }
}

import { createHash } from 'node:crypto'

const BITS = 53

/**
 * A lot of 0 ≤ x < 1 for one request and one purpose, from a seed: whoever knows the seed can check each draw from the
 * record, and nobody else can foresee it. Lots of other purposes, such as whether to draw and which arm to give, are
 * independent as far as SHA-256 tells nothing of its input.
 */
export function lotOf(seed: string, request: string, purpose: string): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, request, purpose]))
    .digest()
  return Number(digest.readBigUInt64BE() >> BigInt(64 - BITS)) / 2 ** BITS
}

import { hash } from 'node:crypto'
import { assert } from '../../lib/assert.ts'

/**
 * DESIGN. Hashes of an RFC 9162 tree (section 2.1.1): a leaf is SHA-256(0x00 ‖ data), a node is
 * SHA-256(0x01 ‖ left ‖ right), so that neither can pass for the other. The one-shot `crypto.hash` over a scratch
 * buffer, its result taken as a Latin-1 string, costs about half of a concatenation and a digest in a new Buffer.
 * Both functions are synchronous and never re-entered, so one scratch buffer each is enough.
 */
export const HASH_BYTES = 32

/** Writes the leaf hash of `data` to `into` at byte `at`. */
export function hashLeaf(data: Uint8Array, into: Buffer, at: number): void {
  const length = data.length + 1
  if (length > leafScratch.length) {
    const grown = Buffer.allocUnsafe(Math.max(length, leafScratch.length * 2))
    grown[0] = LEAF_PREFIX
    leafScratch = grown
  }
  leafScratch.set(data, 1)
  into.write(hash('sha256', leafScratch.subarray(0, length), 'latin1'), at, HASH_BYTES, 'latin1')
  if (leafScratch.length > SCRATCH_BYTES_MAX) leafScratch = newLeafScratch()
}

/** Writes the hash of the node over two children, each at a byte of its buffer, to `into` at byte `at`. */
export function hashNode(
  left: Buffer,
  leftAt: number,
  right: Buffer,
  rightAt: number,
  into: Buffer,
  at: number,
): void {
  left.copy(nodeScratch, 1, leftAt, leftAt + HASH_BYTES)
  right.copy(nodeScratch, 1 + HASH_BYTES, rightAt, rightAt + HASH_BYTES)
  into.write(hash('sha256', nodeScratch, 'latin1'), at, HASH_BYTES, 'latin1')
}

/** The 32 bytes of a leaf's hash. */
export function leafHash(data: Uint8Array): Buffer {
  const made = Buffer.allocUnsafe(HASH_BYTES)
  hashLeaf(data, made, 0)
  return made
}

/** The 32 bytes of a node's hash. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  assert(left.length === HASH_BYTES && right.length === HASH_BYTES, 'a node joins two hashes of 32 bytes')
  const made = Buffer.allocUnsafe(HASH_BYTES)
  hashNode(left, 0, right, 0, made, 0)
  return made
}

/** The root of a tree without leaves: SHA-256 of nothing. */
export function emptyRoot(): Buffer {
  return hash('sha256', Buffer.alloc(0), 'buffer')
}

const LEAF_PREFIX = 0
const NODE_PREFIX = 1
const SCRATCH_BYTES = 65_536
/** A scratch buffer that one long entry has grown beyond this is given back. */
const SCRATCH_BYTES_MAX = 1_048_576

let leafScratch = newLeafScratch()
const nodeScratch = Buffer.alloc(1 + 2 * HASH_BYTES)
nodeScratch[0] = NODE_PREFIX

function newLeafScratch(): Buffer {
  const made = Buffer.allocUnsafe(SCRATCH_BYTES)
  made[0] = LEAF_PREFIX
  return made
}

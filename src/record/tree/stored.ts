import { assert } from '../../lib/assert.ts'
import { emptyRoot, HASH_BYTES, hashNode, nodeHash } from './hash.ts'

/**
 * DESIGN. All hashes of the tree lie in one append-only sequence: each leaf's hash, and right after it the nodes
 * that this leaf completes, from the bottom up. Only whole nodes, over 2^level leaves, are stored; they never
 * change again, whatever the tree's size. Every root and every proof at every size is made of some log₂(size) of
 * them. The order is that of golang.org/x/mod/sumdb/tlog (StoredHashIndex), so that its tools read the file too.
 * Sizes are up to 2^50: arithmetic is on doubles, and no 32-bit operator touches a size.
 */

/** Reads one stored hash of 32 bytes; throws where there is none. */
export type ReadStored = (record: number) => Buffer

/** Where the hash of node `index` of a level stands in the sequence; level 0 are the leaves. */
export function storedIndex(level: number, index: number): number {
  // The node is written right after its last leaf, and after the nodes below it that this leaf completes.
  const leaf = (index + 1) * 2 ** level - 1
  return 2 * leaf - ones(leaf) + level
}

/** How many hashes a tree of this size has stored. */
export function storedCount(size: number): number {
  return 2 * size - ones(size)
}

/** The largest size whose hashes are all among the first `records`. */
export function sizeOfStored(records: number): number {
  let low = Math.floor(records / 2)
  let high = records
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (storedCount(middle) <= records) low = middle
    else high = middle - 1
  }
  return low
}

const LEVELS = 51
/** Bytes that one leaf adds to the sequence at most: its own hash and a node of every level. */
export const APPENDED_BYTES_MAX = LEVELS * HASH_BYTES

/**
 * The right edge of a growing tree: the hash of each whole subtree that waits for its sibling. Appending reads
 * nothing, and the root at the present size costs log₂(size) hashes.
 */
export class Frontier {
  size: number
  /** The hash at a level is valid where that bit of `size` is set. */
  readonly #peaks: Buffer

  constructor() {
    this.size = 0
    this.#peaks = Buffer.alloc(LEVELS * HASH_BYTES)
  }

  /** The frontier that a tree of this size had. */
  static at(size: number, read: ReadStored): Frontier {
    const frontier = new Frontier()
    frontier.size = size
    for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) read(storedIndex(level, rest - 1)).copy(frontier.#peaks, level * HASH_BYTES)
    }
    return frontier
  }

  clone(): Frontier {
    const copy = new Frontier()
    copy.size = this.size
    this.#peaks.copy(copy.#peaks)
    return copy
  }

  /**
   * Appends the leaf whose hash stands in `into` at byte `at`, and writes the nodes that it completes behind it.
   * Returns the bytes there in all: what the leaf adds to the stored sequence. `into` has APPENDED_BYTES_MAX.
   */
  append(into: Buffer, at: number): number {
    let end = at + HASH_BYTES
    let level = 0
    for (let rest = this.size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      hashNode(this.#peaks, level * HASH_BYTES, into, end - HASH_BYTES, into, end)
      end += HASH_BYTES
      level += 1
    }
    into.copy(this.#peaks, level * HASH_BYTES, end - HASH_BYTES, end)
    this.size += 1
    return end - at
  }

  /** RFC 9162, section 2.1.1: the whole subtrees, folded from the smallest, which is the last. */
  root(): Buffer {
    let root: Buffer | undefined
    for (let level = 0, rest = this.size; rest > 0; level++, rest = Math.floor(rest / 2)) {
      if (rest % 2 === 0) continue
      const peak = this.#peaks.subarray(level * HASH_BYTES, (level + 1) * HASH_BYTES)
      root = root === undefined ? Buffer.from(peak) : nodeHash(peak, root)
    }
    return root ?? emptyRoot()
  }
}

/** The root of the tree's first `size` leaves. */
export function rootAt(size: number, read: ReadStored): Buffer {
  return Frontier.at(size, read).root()
}

/** The path that proves leaf `index` in the tree of `size` leaves (RFC 9162, section 2.1.3.1), lowest first. */
export function inclusionPath(index: number, size: number, read: ReadStored): Buffer[] {
  assert(Number.isSafeInteger(index) && index >= 0 && index < size, 'a leaf to prove lies within the tree')
  return pathWithin(index, 0, size, read)
}

function pathWithin(index: number, first: number, end: number, read: ReadStored): Buffer[] {
  if (end - first === 1) return []
  const middle = first + splitOf(end - first)
  return index < middle
    ? [...pathWithin(index, first, middle, read), rangeHash(middle, end, read)]
    : [...pathWithin(index, middle, end, read), rangeHash(first, middle, read)]
}

/** The path that proves that the tree of `size` leaves extends that of `oldSize` (RFC 9162, section 2.1.4.1). */
export function consistencyPath(oldSize: number, size: number, read: ReadStored): Buffer[] {
  assert(oldSize >= 0 && oldSize <= size, 'an older tree is no larger than the newer one')
  if (oldSize === 0 || oldSize === size) return []
  return consistencyWithin(oldSize, 0, size, true, read)
}

/** SUBPROOF of the RFC. `known`: the verifier has the root of the old leaves in this range already. */
function consistencyWithin(
  oldEnd: number,
  first: number,
  end: number,
  known: boolean,
  read: ReadStored,
): Buffer[] {
  if (oldEnd === end) return known ? [] : [rangeHash(first, end, read)]
  const middle = first + splitOf(end - first)
  return oldEnd <= middle
    ? [...consistencyWithin(oldEnd, first, middle, known, read), rangeHash(middle, end, read)]
    : [...consistencyWithin(oldEnd, middle, end, false, read), rangeHash(first, middle, read)]
}

/** The root over the leaves first ≤ i < end, a range that a split of some tree has made. */
function rangeHash(first: number, end: number, read: ReadStored): Buffer {
  const width = end - first
  const split = splitOf(width)
  if (width === 1 || split * 2 === width) {
    return read(storedIndex(Math.round(Math.log2(width)), first / width))
  }
  return nodeHash(rangeHash(first, first + split, read), rangeHash(first + split, end, read))
}

/** The largest power of two below `width`. */
function splitOf(width: number): number {
  let split = 1
  while (split * 2 < width) split *= 2
  return split
}

/** Bits set in an integer below 2^53. */
function ones(value: number): number {
  return ones32(value % 2 ** 32) + ones32(Math.floor(value / 2 ** 32))
}

/** Source: Warren, Hacker's Delight, figure 5-2. */
function ones32(value: number): number {
  const pairs = (value | 0) - ((value >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

import { nodeHash } from './hash.ts'

/** True where `path` proves that the leaf stands at `index` of the tree. Pure; RFC 9162, section 2.1.3.2. */
export function provesInclusion(claim: {
  readonly leaf: Buffer
  readonly index: number
  readonly size: number
  readonly root: Buffer
  readonly path: readonly Buffer[]
}): boolean {
  if (!isSize(claim.size) || !isSize(claim.index) || claim.index >= claim.size) return false
  let place: Place = { node: claim.index, last: claim.size - 1 }
  let hash = claim.leaf
  for (const beside of claim.path) {
    if (place.last === 0) return false
    if (place.node % 2 === 1 || place.node === place.last) {
      hash = nodeHash(beside, hash)
      place = risen(place)
    } else hash = nodeHash(hash, beside)
    place = parent(place)
  }
  return place.last === 0 && hash.equals(claim.root)
}

/** True where `path` proves that the newer tree begins with the older one's leaves. Pure; RFC 9162, section 2.1.4.2. */
export function provesConsistency(claim: {
  readonly oldSize: number
  readonly oldRoot: Buffer
  readonly size: number
  readonly root: Buffer
  readonly path: readonly Buffer[]
}): boolean {
  const { oldSize, size, path } = claim
  if (!isSize(oldSize) || !isSize(size) || oldSize > size) return false
  if (oldSize === size) return path.length === 0 && claim.oldRoot.equals(claim.root)
  // Every tree extends the empty one.
  if (oldSize === 0) return path.length === 0
  let place: Place = { node: oldSize - 1, last: size - 1 }
  while (place.node % 2 === 1) place = parent(place)
  // Where the old tree is one whole subtree, its root is what the path begins with, and is left out of it.
  const [first, ...rest] = place.node === 0 ? [claim.oldRoot, ...path] : path
  if (first === undefined) return false
  let old = first
  let grown = first
  for (const beside of rest) {
    if (place.last === 0) return false
    if (place.node % 2 === 1 || place.node === place.last) {
      old = nodeHash(beside, old)
      grown = nodeHash(beside, grown)
      place = risen(place)
    } else grown = nodeHash(grown, beside)
    place = parent(place)
  }
  return place.last === 0 && old.equals(claim.oldRoot) && grown.equals(claim.root)
}

/** A node's index at some level, and the index of that level's last node. */
interface Place {
  readonly node: number
  readonly last: number
}

function parent({ node, last }: Place): Place {
  return { node: Math.floor(node / 2), last: Math.floor(last / 2) }
}

/** Up past the levels at which the node is the last and has no sibling. */
function risen(place: Place): Place {
  let at = place
  while (at.node % 2 === 0 && at.node !== 0) at = parent(at)
  return at
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

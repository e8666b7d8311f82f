import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { emptyRoot, HASH_BYTES, leafHash, nodeHash } from './hash.ts'
import { provesConsistency, provesInclusion } from './proof.ts'
import {
  APPENDED_BYTES_MAX,
  consistencyPath,
  Frontier,
  inclusionPath,
  type ReadStored,
  rootAt,
  sizeOfStored,
  storedCount,
  storedIndex,
} from './stored.ts'

/** The test vectors of the Certificate Transparency code base, which RFC 6962 and 9162 share. */
const INPUTS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** The RFC's own definition, without any store. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves
  if (only === undefined) return emptyRoot()
  if (leaves.length === 1) return only
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return nodeHash(naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)))
}

function build(leaves: readonly Buffer[]): { read: ReadStored; records: Buffer[]; frontier: Frontier } {
  const frontier = new Frontier()
  const records: Buffer[] = []
  const scratch = Buffer.alloc(APPENDED_BYTES_MAX)
  for (const leaf of leaves) {
    leaf.copy(scratch)
    const bytes = frontier.append(scratch, 0)
    for (let at = 0; at < bytes; at += HASH_BYTES)
      records.push(Buffer.from(scratch.subarray(at, at + HASH_BYTES)))
  }
  const read = (record: number): Buffer => {
    const found = records[record]
    assert.ok(found, `record ${record}`)
    return found
  }
  return { read, records, frontier }
}

const leavesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`entry ${index}`)))

test('the roots are those of the published vectors', () => {
  for (const [size, root] of ROOTS.entries()) {
    const { frontier, read } = build(INPUTS.slice(0, size).map((hex) => leafHash(Buffer.from(hex, 'hex'))))
    assert.equal(frontier.root().toString('hex'), root)
    assert.equal(rootAt(size, read).toString('hex'), root)
  }
})

test('hashes stand in the order of the Go checksum database', () => {
  const places = [
    [0, 0, 0],
    [0, 1, 1],
    [1, 0, 2],
    [0, 2, 3],
    [0, 3, 4],
    [1, 1, 5],
    [2, 0, 6],
    [0, 4, 7],
    [3, 0, 14],
  ] as const
  for (const [level, index, record] of places) assert.equal(storedIndex(level, index), record)
  const { records } = build(leavesOf(300))
  for (let size = 0; size <= 300; size++) {
    assert.equal(sizeOfStored(storedCount(size)), size)
    if (size > 0) assert.equal(sizeOfStored(storedCount(size) - 1), size - 1)
  }
  assert.equal(records.length, storedCount(300))
})

test('roots and proofs of every size up to 70 agree with the definition, for every leaf and older size', () => {
  const leaves = leavesOf(70)
  const { read } = build(leaves)
  for (let size = 1; size <= leaves.length; size++) {
    const root = naiveRoot(leaves.slice(0, size))
    assert.deepEqual(rootAt(size, read), root)
    for (let index = 0; index < size; index++) {
      const leaf = leaves[index] as Buffer
      const path = inclusionPath(index, size, read)
      assert.ok(provesInclusion({ leaf, index, size, root, path }), `leaf ${index} of ${size}`)
    }
    for (let oldSize = 0; oldSize <= size; oldSize++) {
      const path = consistencyPath(oldSize, size, read)
      const oldRoot = naiveRoot(leaves.slice(0, oldSize))
      assert.ok(provesConsistency({ oldSize, oldRoot, size, root, path }), `${oldSize} of ${size}`)
    }
  }
})

test('roots of every size up to 300 agree with the definition', () => {
  const leaves = leavesOf(300)
  const { read } = build(leaves)
  for (let size = 0; size <= 300; size++)
    assert.deepEqual(rootAt(size, read), naiveRoot(leaves.slice(0, size)))
})

const large = leavesOf(5_000)
const largeTree = build(large)

test('a proof holds for its own claim and for no other', () => {
  const sizes = fc
    .integer({ min: 2, max: large.length })
    .chain((size) => fc.tuple(fc.constant(size), fc.nat({ max: size - 1 }), fc.nat({ max: size - 1 })))
  fc.assert(
    fc.property(sizes, fc.nat(), ([size, index, other], place) => {
      const root = rootAt(size, largeTree.read)
      const leaf = large[index] as Buffer
      const path = inclusionPath(index, size, largeTree.read)
      const claim = { leaf, index, size, root, path }
      assert.ok(provesInclusion(claim))
      if (other !== index) assert.ok(!provesInclusion({ ...claim, index: other }))
      assert.ok(!provesInclusion({ ...claim, path: [...path, leaf] }))
      assert.ok(!provesInclusion({ ...claim, path: path.slice(1) }))
      assert.ok(!provesInclusion({ ...claim, index: size }))
      const bent = path.map((hash, at) => (at === place % path.length ? leafHash(hash) : hash))
      assert.ok(!provesInclusion({ ...claim, path: bent }))
      assert.ok(!provesInclusion({ ...claim, root: leafHash(root) }))
    }),
    { numRuns: 200 },
  )
})

test('a consistency proof holds for its own two trees and for no others', () => {
  const sizes = fc
    .integer({ min: 2, max: large.length })
    .chain((size) => fc.tuple(fc.constant(size), fc.integer({ min: 1, max: size - 1 })))
  fc.assert(
    fc.property(sizes, fc.nat(), ([size, oldSize], place) => {
      const root = rootAt(size, largeTree.read)
      const oldRoot = rootAt(oldSize, largeTree.read)
      const path = consistencyPath(oldSize, size, largeTree.read)
      const claim = { oldSize, oldRoot, size, root, path }
      assert.ok(provesConsistency(claim))
      assert.ok(!provesConsistency({ ...claim, oldRoot: leafHash(oldRoot) }))
      assert.ok(!provesConsistency({ ...claim, root: leafHash(root) }))
      assert.ok(!provesConsistency({ ...claim, path: [...path, root] }))
      assert.ok(!provesConsistency({ ...claim, oldSize: size, oldRoot }))
      const bent = path.map((hash, at) => (at === place % path.length ? leafHash(hash) : hash))
      assert.ok(!provesConsistency({ ...claim, path: bent }))
    }),
    { numRuns: 200 },
  )
})

test('a frontier that is taken up at any size goes on as the one that never stopped', () => {
  fc.assert(
    fc.property(fc.nat({ max: 300 }), fc.nat({ max: 50 }), (size, more) => {
      const frontier = Frontier.at(size, largeTree.read)
      const scratch = Buffer.alloc(APPENDED_BYTES_MAX)
      for (const leaf of large.slice(size, size + more)) {
        leaf.copy(scratch)
        frontier.append(scratch, 0)
      }
      assert.deepEqual(frontier.root(), rootAt(size + more, largeTree.read))
    }),
    { numRuns: 100 },
  )
})

test('places beyond 32 bits are exact', () => {
  const size = 2 ** 40 + 5
  assert.equal(storedCount(size), 2 * size - 3)
  assert.equal(storedIndex(0, size), storedCount(size))
  assert.equal(storedIndex(40, 0), storedCount(2 ** 40) - 1)
  assert.equal(sizeOfStored(storedCount(size)), size)
})

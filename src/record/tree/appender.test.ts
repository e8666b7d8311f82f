import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openTree, type TreeAppender } from './appender.ts'
import { openCheckpoint } from './checkpoint.ts'
import { leafHash } from './hash.ts'
import { provesConsistency, provesInclusion } from './proof.ts'
import { readVerifier, signingKey } from './signer.ts'
import { storedCount } from './stored.ts'
import { openStored } from './stored-file.ts'

const root = fs.mkdtempSync(join(tmpdir(), 'upshift-tree-'))
after(() => fs.rmSync(root, { recursive: true }))

let homes = 0
function newHome(): { home: string; folder: string; hashes: string; checkpoint: string } {
  const home = join(root, `home-${homes++}`)
  const folder = join(home, 'tree')
  return { home, folder, hashes: join(folder, 'hashes'), checkpoint: join(folder, 'checkpoint') }
}

const leaf = (index: number): Buffer => Buffer.from(`{"entry":${index}}`)

function grow(tree: TreeAppender, to: number): void {
  while (tree.size < to) tree.append(leaf(tree.size))
}

test('a tree that is opened again goes on from its checkpoint and gives the roots of one that never closed', () => {
  const { home, folder } = newHome()
  const signer = signingKey(home)
  const whole = openTree({ folder: join(home, 'whole'), signer })
  grow(whole, 1_000)
  for (const stop of [0, 1, 7, 8, 333, 1_000]) {
    const tree = openTree({ folder, signer })
    grow(tree, stop)
    assert.deepEqual(tree.root(tree.size), whole.root(tree.size))
    tree.checkpoint()
    tree.close()
  }
  const again = openTree({ folder, signer })
  assert.equal(again.size, 1_000)
  assert.deepEqual(again.root(777), whole.root(777))
  again.close()
  whole.close()
})

test('what was appended after the checkpoint is forgotten at the opening, torn records included', () => {
  const { home, folder, hashes } = newHome()
  const signer = signingKey(home)
  const tree = openTree({ folder, signer })
  grow(tree, 100)
  const note = tree.checkpoint()
  grow(tree, 203)
  tree.close()
  fs.appendFileSync(hashes, Buffer.alloc(17))
  const again = openTree({ folder, signer })
  assert.equal(again.size, 100)
  assert.equal(again.newest, note)
  assert.equal(fs.statSync(hashes).size, storedCount(100) * 32)
  again.close()
})

test('the checkpoint file holds what the key signed, and proofs from the tree verify against it', () => {
  const { home, folder, checkpoint } = newHome()
  const signer = signingKey(home)
  const tree = openTree({ folder, signer })
  grow(tree, 50)
  const early = openCheckpoint(tree.checkpoint(), signer.verifier)
  grow(tree, 20_000)
  const note = tree.checkpoint(19_999)
  assert.equal(fs.readFileSync(checkpoint, 'utf8'), note)
  const late = openCheckpoint(note, signer.verifier)
  assert.ok(early.type === 'signed' && late.type === 'signed')
  const { size, root: newest } = late.checkpoint
  assert.equal(size, 19_999)
  for (const index of [0, 49, 50, 12_345, 19_998]) {
    const path = tree.inclusion(index, size)
    assert.ok(provesInclusion({ leaf: leafHash(leaf(index)), index, size, root: newest, path }))
  }
  const claim = { oldSize: 50, oldRoot: early.checkpoint.root, size, root: newest }
  assert.ok(provesConsistency({ ...claim, path: tree.consistency(50, size) }))
  tree.close()
  const stored = openStored(join(folder, 'hashes'))
  assert.equal(stored.size, 20_000)
  stored.close()
})

test('a new tree has a checkpoint of nothing, so that a missing one is always a sign', () => {
  const { home, folder, checkpoint } = newHome()
  const signer = signingKey(home)
  const tree = openTree({ folder, signer })
  const opened = openCheckpoint(tree.newest, signer.verifier)
  assert.ok(opened.type === 'signed' && opened.checkpoint.size === 0)
  grow(tree, 3)
  tree.checkpoint()
  tree.close()
  fs.rmSync(checkpoint)
  assert.throws(() => openTree({ folder, signer }), /has hashes and no checkpoint/)
})

test('a tree that contradicts its own checkpoint is not signed over', () => {
  const { home, folder, hashes, checkpoint } = newHome()
  const signer = signingKey(home)
  const tree = openTree({ folder, signer })
  grow(tree, 64)
  tree.checkpoint()
  tree.close()
  const bytes = fs.readFileSync(hashes)
  const note = fs.readFileSync(checkpoint, 'utf8')
  fs.writeFileSync(hashes, bytes.subarray(0, -32))
  assert.throws(() => openTree({ folder, signer }), /holds 63 leaves, and its checkpoint covers 64/)
  fs.writeFileSync(
    hashes,
    bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)),
  )
  assert.throws(() => openTree({ folder, signer }), /does not give the root/)
  fs.writeFileSync(hashes, bytes)
  fs.writeFileSync(checkpoint, note.replace('\n64\n', '\n63\n'))
  assert.throws(() => openTree({ folder, signer }), /is not signed by the key/)
})

test('the signing key is made once, is for its owner only, and its public half stands beside it', () => {
  const { home } = newHome()
  const first = signingKey(home)
  const second = signingKey(home)
  assert.match(first.origin, /^upshift\/[0-9a-f]{16}$/)
  assert.equal(second.verifierKey, first.verifierKey)
  assert.equal(readVerifier(home)?.name, first.origin)
  assert.equal(fs.statSync(join(home, 'audit.key')).mode & 0o777, 0o600)
  assert.deepEqual(fs.readdirSync(home).sort(), ['audit.key', 'audit.pub'])
  fs.chmodSync(join(home, 'audit.key'), 0o640)
  assert.throws(() => signingKey(home), /can be read by others/)
  fs.chmodSync(join(home, 'audit.key'), 0o600)
  const other = signingKey(newHome().home)
  fs.writeFileSync(join(home, 'audit.pub'), `${other.verifierKey}\n`)
  assert.throws(() => signingKey(home), /is not the public half/)
  fs.writeFileSync(join(home, 'audit.key'), 'no key')
  assert.throws(() => signingKey(home), /cannot be read as a private key/)
  assert.equal(readVerifier(newHome().home), undefined)
})

test('a signing key that is gone is missed, and not replaced: neither beside its public half nor beside a checkpoint', () => {
  const { home, folder } = newHome()
  const signer = signingKey(home)
  const tree = openTree({ folder, signer })
  tree.append(Buffer.from('an entry'))
  tree.checkpoint()
  tree.close()
  fs.rmSync(join(home, 'audit.key'))
  const gone = /audit\.key is not there, and .*audit\.pub was made with it\. Put it back from a backup/
  assert.throws(() => signingKey(home), gone)
  fs.rmSync(join(home, 'audit.pub'))
  assert.throws(() => signingKey(home), /audit\.key is not there, and .*checkpoint was made with it/)
  assert.deepEqual(
    fs.readdirSync(home).filter((name) => name.startsWith('audit')),
    [],
  )
})

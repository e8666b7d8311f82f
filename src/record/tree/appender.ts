import * as fs from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { replaceWhole } from '../../store/private-file.ts'
import { encodeCheckpoint, NEWEST_FILE, openCheckpoint, readNewest } from './checkpoint.ts'
import { HASH_BYTES, hashLeaf } from './hash.ts'
import type { Signer } from './signer.ts'
import {
  APPENDED_BYTES_MAX,
  consistencyPath,
  Frontier,
  inclusionPath,
  rootAt,
  sizeOfStored,
  storedCount,
} from './stored.ts'

/**
 * DESIGN. The tree over the log: `hashes` in the order of stored.ts, and `checkpoint`, the newest signed one. The
 * tree follows the log and is only ever behind it, so nothing of it needs to be durable by itself: at the
 * opening it goes back to the newest checkpoint, which is written only after the hashes that it covers are on the disk,
 * and its owner appends again what the log holds beyond. So a torn or lost tail of hashes heals, while a tree that
 * contradicts its own signed checkpoint is refused: signing on would launder a change.
 */
export interface TreeAppender {
  /** Leaves so far: the sequence number of the entry to append next. */
  readonly size: number
  /** Adds an entry's JSON, byte for byte as the log's line holds it. */
  append(leaf: Buffer): void
  /** Hands what gathered to the operating system. */
  flush(): void
  /**
   * Syncs the hashes, signs the root at `size` (the present one where absent), writes it to `checkpoint`, and
   * returns the signed note. Never goes back: a size below the newest checkpoint's is a bug.
   */
  checkpoint(size?: number): string
  /** The newest signed checkpoint. */
  readonly newest: string
  root(size: number): Buffer
  inclusion(index: number, size: number): Buffer[]
  consistency(oldSize: number, size: number): Buffer[]
  /** Flushes and closes; signs nothing. */
  close(): void
}

const PENDING_BYTES = 262_144

/**
 * Opens a home's `tree` folder for its one writer. Throws UpshiftError `record_unavailable` where the hashes do not
 * give the root that their own checkpoint signed.
 */
export function openTree(options: { readonly folder: string; readonly signer: Signer }): TreeAppender {
  const { folder, signer } = options
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
  const flags = fs.constants.O_RDWR | fs.constants.O_CREAT
  const descriptor = fs.openSync(join(folder, 'hashes'), flags, 0o600)
  try {
    const note = readNewest(folder)
    const frontier = frontierOf(folder, descriptor, note, signer)
    fs.ftruncateSync(descriptor, storedCount(frontier.size) * HASH_BYTES)
    const appender = new Appender(folder, descriptor, signer, frontier, note ?? '')
    if (note === undefined) {
      // So that a home without a checkpoint is never a new one, but one whose checkpoint was taken away.
      appender.checkpoint()
      syncFolder(folder)
    }
    return appender
  } catch (error) {
    fs.closeSync(descriptor)
    throw error
  }
}

function frontierOf(folder: string, descriptor: number, note: string | undefined, signer: Signer): Frontier {
  const size = sizeOfStored(Math.floor(fs.fstatSync(descriptor).size / HASH_BYTES))
  if (note === undefined) {
    if (size === 0) return new Frontier()
    throw contradiction(folder, 'has hashes and no checkpoint')
  }
  const opened = openCheckpoint(note, signer.verifier)
  if (opened.type === 'refused') throw contradiction(folder, `has a checkpoint that ${opened.why}`)
  const { checkpoint } = opened
  if (size < checkpoint.size) {
    throw contradiction(folder, `holds ${size} leaves, and its checkpoint covers ${checkpoint.size}`)
  }
  const frontier = Frontier.at(checkpoint.size, (record) => readRecord(descriptor, record))
  if (frontier.root().equals(checkpoint.root)) return frontier
  throw contradiction(folder, `does not give the root that its checkpoint of size ${checkpoint.size} signed`)
}

class Appender implements TreeAppender {
  newest: string
  readonly #folder: string
  readonly #descriptor: number
  readonly #signer: Signer
  readonly #frontier: Frontier
  readonly #pending = Buffer.allocUnsafe(PENDING_BYTES)
  #pendingBytes = 0
  /** Where the pending bytes go. */
  #position: number
  #signedSize: number
  #closed = false

  constructor(folder: string, descriptor: number, signer: Signer, frontier: Frontier, newest: string) {
    this.#folder = folder
    this.#descriptor = descriptor
    this.#signer = signer
    this.#frontier = frontier
    this.#position = storedCount(frontier.size) * HASH_BYTES
    this.#signedSize = frontier.size
    this.newest = newest
  }

  get size(): number {
    return this.#frontier.size
  }

  append(leaf: Buffer): void {
    if (this.#pendingBytes + APPENDED_BYTES_MAX > PENDING_BYTES) this.flush()
    hashLeaf(leaf, this.#pending, this.#pendingBytes)
    this.#pendingBytes += this.#frontier.append(this.#pending, this.#pendingBytes)
  }

  flush(): void {
    // What a failed write has left behind is written again at the same place.
    let written = 0
    while (written < this.#pendingBytes) {
      const left = this.#pendingBytes - written
      written += fs.writeSync(this.#descriptor, this.#pending, written, left, this.#position + written)
    }
    this.#position += written
    this.#pendingBytes = 0
  }

  checkpoint(size: number = this.size): string {
    assert(size >= this.#signedSize && size <= this.size, 'a checkpoint never goes back, nor beyond the tree')
    if (size === this.#signedSize && this.newest !== '') return this.newest
    this.flush()
    fs.fdatasyncSync(this.#descriptor)
    const note = this.#signer.sign(
      encodeCheckpoint({ origin: this.#signer.origin, size, root: this.root(size) }),
    )
    replaceWhole(join(this.#folder, NEWEST_FILE), note, 0o600)
    this.#signedSize = size
    this.newest = note
    return note
  }

  root(size: number): Buffer {
    return size === this.size ? this.#frontier.root() : rootAt(size, this.#read)
  }

  inclusion(index: number, size: number): Buffer[] {
    this.#mustHold(size)
    return inclusionPath(index, size, this.#read)
  }

  consistency(oldSize: number, size: number): Buffer[] {
    this.#mustHold(size)
    return consistencyPath(oldSize, size, this.#read)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    try {
      this.flush()
    } finally {
      fs.closeSync(this.#descriptor)
    }
  }

  #mustHold(size: number): void {
    assert(size <= this.size, 'a proof is made of leaves that the tree has')
  }

  readonly #read = (record: number): Buffer => {
    if (this.#pendingBytes > 0) this.flush()
    return readRecord(this.#descriptor, record)
  }
}

function readRecord(descriptor: number, record: number): Buffer {
  const hash = Buffer.allocUnsafe(HASH_BYTES)
  const read = fs.readSync(descriptor, hash, 0, HASH_BYTES, record * HASH_BYTES)
  assert(read === HASH_BYTES, 'a stored hash that the tree counts is in its file')
  return hash
}

function contradiction(folder: string, what: string): UpshiftError {
  const message =
    `The tree in ${folder} ${what}. Nothing more is signed over it. \`upshift audit verify\` names what was changed; ` +
    'restore the home from a backup. Where the log is known to be right, move the tree aside: it is made anew from the log.'
  return new UpshiftError({ code: 'record_unavailable', message })
}

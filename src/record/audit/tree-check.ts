import type { Checkpoint } from '../tree/checkpoint.ts'
import { HASH_BYTES, nodeHash } from '../tree/hash.ts'
import { APPENDED_BYTES_MAX, Frontier, storedIndex } from '../tree/stored.ts'
import type { StoredFile } from '../tree/stored-file.ts'

/** A record whose line in the log does not hash to the leaf that the tree stored for it. */
export interface Difference {
  readonly index: number
  /** What the log's line hashes to. */
  readonly log: Buffer
  readonly line: {
    readonly id?: string
    readonly file: string
    readonly offset: number
    readonly detail: string
  }
}

/** A stored node that is not the hash of the two nodes below it. */
export interface BadNode {
  readonly level: number
  readonly index: number
}

const MAX_KEPT = 10_000

/**
 * Recomputes the tree once from the stored leaf hashes, and from the first difference on once more from the log, so
 * that at the end it can be said which of the two gives the root that was signed. Indexes come in order.
 */
export class TreeCheck {
  readonly stored: StoredFile
  readonly differences: Difference[] = []
  readonly badNodes: BadNode[] = []
  /** Differences and bad nodes beyond MAX_KEPT. */
  dropped = 0
  /** The root at the checkpoint's size over the stored leaves; undefined until it is reached, or where leaves are lost. */
  storedRoot: Buffer | undefined
  /** The same over the log's lines; undefined where a line is missing. */
  logRoot: Buffer | undefined
  readonly #checkpoint: Checkpoint | undefined
  readonly #frontier = new Frontier()
  #logFrontier: Frontier | undefined
  #storedWhole = true
  #logWhole = true
  readonly #scratch = Buffer.alloc(APPENDED_BYTES_MAX)

  constructor(stored: StoredFile, checkpoint: Checkpoint | undefined) {
    this.stored = stored
    this.#checkpoint = checkpoint
    this.#mark()
  }

  /** Leaves that have been fed. */
  get size(): number {
    return this.#frontier.size
  }

  /** The stored hash of a leaf; undefined beyond the stored ones. */
  leaf(index: number): Buffer | undefined {
    return index < this.stored.size ? this.stored.read(storedIndex(0, index)) : undefined
  }

  /** The next index, whose line in the log hashes to `log`; without it the log has no such line. */
  feed(log: Buffer | undefined, line?: Difference['line']): void {
    const index = this.#frontier.size
    const stored = this.leaf(index)
    const leaf = stored ?? log
    if (leaf === undefined) this.#storedWhole = false
    if (log === undefined) this.#logWhole = false
    if (log !== undefined && stored !== undefined && !log.equals(stored)) {
      this.#logFrontier ??= this.#frontier.clone()
      if (line !== undefined) this.#keep(this.differences, { index, log: Buffer.from(log), line })
    }
    if (this.#logFrontier !== undefined) this.#append(this.#logFrontier, log ?? leaf)
    const bytes = this.#append(this.#frontier, leaf)
    this.#compareNodes(index, bytes)
    this.#mark()
  }

  /** Where log and stored leaf differ: true where the stored parent was made of the stored leaf, false where of the log's. */
  parentAgrees(difference: Difference): boolean | undefined {
    const { index, log } = difference
    const record = storedIndex(1, Math.floor(index / 2))
    const stored = this.leaf(index)
    const beside = this.leaf(index % 2 === 0 ? index + 1 : index - 1)
    if (stored === undefined || beside === undefined || record >= this.stored.records) return undefined
    const parent = this.stored.read(record)
    const over = (leaf: Buffer): Buffer => (index % 2 === 0 ? nodeHash(leaf, beside) : nodeHash(beside, leaf))
    if (over(stored).equals(parent)) return true
    return over(log).equals(parent) ? false : undefined
  }

  #append(frontier: Frontier, leaf: Buffer | undefined): number {
    if (leaf === undefined) this.#scratch.fill(0, 0, HASH_BYTES)
    else leaf.copy(this.#scratch)
    return frontier.append(this.#scratch, 0)
  }

  #compareNodes(index: number, bytes: number): void {
    const first = storedIndex(0, index)
    for (let level = 1, at = HASH_BYTES; at < bytes; level++, at += HASH_BYTES) {
      if (first + level >= this.stored.records) return
      if (this.#scratch.compare(this.stored.read(first + level), 0, HASH_BYTES, at, at + HASH_BYTES) === 0)
        continue
      this.#keep(this.badNodes, { level, index: Math.floor(index / 2 ** level) })
    }
  }

  #mark(): void {
    if (this.#frontier.size !== this.#checkpoint?.size) return
    if (this.#storedWhole) this.storedRoot = this.#frontier.root()
    if (this.#logWhole) this.logRoot = (this.#logFrontier ?? this.#frontier).root()
  }

  #keep<Item>(list: Item[], item: Item): void {
    if (list.length < MAX_KEPT) list.push(item)
    else this.dropped += 1
  }
}

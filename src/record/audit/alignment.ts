import type { Findings } from './finding.ts'
import type { TreeCheck } from './tree-check.ts'

/**
 * DESIGN. Which record is which, where some were changed, removed, inserted or moved. A line is *known* where its
 * hash is the stored leaf of the sequence number that it claims: nobody can make such a line but by copying it. All
 * others are *foreign*. Known lines in ascending order are the frame; between two of them the foreign lines stand
 * against the numbers that are missing there: one for one they are changed records, what is left over was
 * removed, or inserted. A known line that leaps ahead is held until the next known one says whether the leap was a
 * gap or this one line stands too early. One that comes late fills a hole (it was moved) or none (it is a copy).
 *
 * Beyond the stored leaves a line counts as known by its checksum and number alone, and weakly: it yields to any
 * line that is known by its hash.
 */
export interface Seen {
  /** Relative to the home. */
  readonly file: string
  readonly offset: number
  readonly hash: Buffer
  /** What the line claims to be; absent where it cannot be read. */
  readonly seq?: number
  readonly id?: string
  /** False for the end of a file without a line feed. */
  readonly ended: boolean
}

/** Sequence numbers without a line, both ends included, and where they should stand. */
export interface Hole {
  readonly first: number
  readonly last: number
  readonly file: string
  readonly offset: number
}

interface Held {
  readonly index: number
  readonly seen: Seen
  readonly byHash: boolean
}

/** Foreign lines in a row that are weighed against what is missing; further ones count as inserted. */
const MAX_BLOCK = 10_000
/** Gaps that are told apart; further ones are counted as findings that are not listed. */
const MAX_HOLES = 10_000

export class Alignment {
  /** What is missing before the end. */
  readonly holes: Hole[] = []
  /** What is missing at the end. */
  tail: Hole | undefined
  readonly #tree: TreeCheck
  readonly #findings: Findings
  /** Foreign lines since the last line that found its place. */
  #block: Seen[] = []
  #held: Held | undefined
  /** Foreign lines behind the held one. */
  #behind: Seen[] = []
  /** Known lines that stand before their place. */
  readonly #early = new Map<number, Seen>()

  constructor(tree: TreeCheck, findings: Findings) {
    this.#tree = tree
    this.#findings = findings
  }

  /** The sequence number that should come next; undefined while a leap or foreign lines are being weighed. */
  get expected(): number | undefined {
    return this.#held === undefined && this.#block.length === 0 && this.#early.size === 0
      ? this.#tree.size
      : undefined
  }

  /** The line of the expected number, with the right hash: the path of nearly every line. */
  inOrder(hash: Buffer): void {
    this.#tree.feed(hash)
  }

  /** A line that is the record `index`; `byHash`: its hash says so, and not only its number. */
  known(index: number, seen: Seen, byHash: boolean): void {
    if (this.#held !== undefined && index >= this.#tree.size) {
      if (index === this.#held.index) {
        this.#inserted(seen, index)
        return
      }
      this.#decide(this.#held, index)
    }
    if (index < this.#tree.size) this.#late(index, seen)
    else if (this.#gapBefore(index)) this.#held = { index, seen, byHash }
    else this.#accept(index, seen)
  }

  foreign(seen: Seen): void {
    const block = this.#held === undefined ? this.#block : this.#behind
    if (block.length < MAX_BLOCK) block.push(seen)
    else this.#inserted(seen, undefined)
  }

  /**
   * The log is read. `size`: how many records there should be at least. Returns the byte of the last file at which
   * a torn end begins, where there is one; it is weighed against nothing.
   */
  end(size: number, file: string, fileSize: number): number | undefined {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      this.#accept(held.index, held.seen)
      this.#block = this.#behind
    }
    const top = this.#tree.size
    const at = this.#tornFrom(size, file)
    const torn = this.#block[at]?.offset
    this.#block.length = Math.min(at, this.#block.length)
    this.#settle(Math.max(size, top), { file, offset: torn ?? fileSize })
    for (const [seq, seen] of this.#early) this.#reordered(seq, seen)
    const last = this.holes.at(-1)
    if (last !== undefined && last.last >= top && last.last === size - 1) this.tail = this.holes.pop()
    return torn
  }

  /** Whether the held line stands too early, now that `index` follows it. */
  #decide(held: Held, index: number): void {
    this.#held = undefined
    if (index > held.index) {
      this.#accept(held.index, held.seen)
      this.#block = this.#behind
    } else {
      if (held.byHash) this.#early.set(held.index, held.seen)
      else this.#block.push(held.seen)
      this.#block.push(...this.#behind)
    }
    this.#behind = []
  }

  #gapBefore(index: number): boolean {
    let missing = index - this.#tree.size
    if (missing > this.#early.size) return true
    for (const early of this.#early.keys()) if (early >= this.#tree.size && early < index) missing -= 1
    return missing > 0
  }

  #accept(index: number, seen: Seen): void {
    this.#settle(index, seen)
    const copy = this.#early.get(index)
    if (copy !== undefined) {
      this.#early.delete(index)
      this.#inserted(copy, index)
    }
    this.#tree.feed(seen.hash)
  }

  /** Gives every number below `end` its line, or none, and every foreign line a name. */
  #settle(end: number, where: { readonly file: string; readonly offset: number }): void {
    const first = this.#tree.size
    const isMissing = (seq: number | undefined): seq is number =>
      seq !== undefined && seq >= first && seq < end && !this.#early.has(seq)
    const claimed = new Map<number, Seen>()
    const others: Seen[] = []
    for (const seen of this.#block) {
      if (isMissing(seen.seq) && !claimed.has(seen.seq)) claimed.set(seen.seq, seen)
      else others.push(seen)
    }
    this.#block = []
    let paired = claimed.size > 0
    let holeFirst: number | undefined
    for (let seq = first; seq < end; seq++) {
      const early = this.#early.get(seq)
      const line = early ?? claimed.get(seq) ?? others.shift()
      if (line === undefined) holeFirst ??= seq
      else if (holeFirst !== undefined) {
        this.#hole({ first: holeFirst, last: seq - 1, ...where })
        holeFirst = undefined
      }
      if (line !== undefined && early === undefined) {
        paired = true
        this.#changed(seq, line)
      } else this.#tree.feed(early?.hash)
      if (early !== undefined) {
        this.#early.delete(seq)
        this.#reordered(seq, early)
      }
    }
    if (holeFirst !== undefined) this.#hole({ first: holeFirst, last: end - 1, ...where })
    // A line feed that was written into a record makes two unreadable lines of it: one finding is enough.
    for (const seen of others) if (seen.seq !== undefined || !paired) this.#inserted(seen, undefined)
  }

  #hole({ first, last, file, offset }: Hole): void {
    if (this.holes.length < MAX_HOLES) this.holes.push({ first, last, file, offset })
    else this.#findings.unlisted += 1
  }

  /** Where the stored leaves say what should stand here, the tree decides later which of the two was changed. */
  #changed(seq: number, { file, offset, id, seq: claim, hash }: Seen): void {
    const what = claim === undefined ? 'The line cannot be read' : 'The record is not what the tree holds'
    const detail = claim === undefined || claim === seq ? what : `${what}, and calls itself ${claim}`
    const stored = this.#tree.leaf(seq) !== undefined
    this.#tree.feed(hash, { file, offset, detail, ...(id !== undefined && { id }) })
    if (stored) return
    const why = `${what}; no hash of it is stored yet.`
    this.#findings.add({ kind: 'changed', seq, ...(id !== undefined && { id }), file, offset, detail: why })
  }

  #late(seq: number, seen: Seen): void {
    const at = this.holes.findIndex(({ first, last }) => first <= seq && seq <= last)
    const hole = this.holes[at]
    if (hole === undefined) {
      this.#inserted(seen, seq)
      return
    }
    const before = seq > hole.first ? [{ ...hole, last: seq - 1 }] : []
    const after = seq < hole.last ? [{ ...hole, first: seq + 1 }] : []
    this.holes.splice(at, 1, ...before, ...after)
    this.#reordered(seq, seen)
  }

  #reordered(seq: number, { file, offset, id }: Seen): void {
    const detail = 'The record is intact and does not stand at its place.'
    this.#findings.add({ kind: 'reordered', seq, ...(id !== undefined && { id }), file, offset, detail })
  }

  #inserted(seen: Seen, copyOf: number | undefined): void {
    const { file, offset, id } = seen
    const seq = copyOf ?? seen.seq
    const detail =
      copyOf === undefined
        ? 'The tree knows no such record.'
        : `A second copy of record ${copyOf}, which stands at its own place as well.`
    const named = { ...(seq !== undefined && { seq }), ...(id !== undefined && { id }) }
    this.#findings.add({ kind: 'inserted', ...named, file, offset, detail })
  }

  /**
   * A crash in the middle of a write leaves unreadable bytes at the very end. Where records are missing that were
   * covered, only half a line counts as such an end: a whole line that cannot be read is a changed record.
   */
  #tornFrom(size: number, file: string): number {
    const block = this.#block
    const isEnd = (seen: Seen | undefined): boolean => seen?.seq === undefined && seen?.file === file
    const isMissing = this.#tree.size < size
    let at = block.length
    while (at > 0 && isEnd(block[at - 1]) && (!isMissing || block[at - 1]?.ended === false)) at -= 1
    return at
  }
}

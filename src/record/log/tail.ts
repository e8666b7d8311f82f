import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { type RawLine, splitLine } from './line.ts'
import type { LogPosition } from './opening.ts'
import { listSegments, ReadBuffer, readLines, type Segment } from './segments.ts'

/** Takes one entry's leaf, the JSON's bytes as they stand in the log: valid until it returns. */
export type VisitLeaf = (seq: number, leaf: Buffer) => void

/**
 * Reads a log behind its writer, entry by entry, from a sequence number on. The writer may be another thread: only
 * what it has told to be on the disk is asked for, so every line in reach is whole.
 */
export class Tail {
  readonly #folder: string
  readonly #into = new ReadBuffer()
  #position: LogPosition

  /** Begins at `seq`; `near` is a place at or before it that needs no search. */
  constructor(folder: string, seq: number, near: LogPosition | undefined) {
    this.#folder = folder
    this.#position = near !== undefined && near.seq <= seq ? near : { seq, segment: '', offset: 0 }
    if (listSegments(folder).length === 0) return
    this.#segment()
    if (this.#position.seq < seq) this.read(seq, Number.POSITIVE_INFINITY, () => undefined)
  }

  /** Where the next entry stands. */
  get position(): LogPosition {
    return this.#position
  }

  /**
   * Visits entries up to `end` (exclusive), at most `limit` of them. Returns how many; 0 means that it is there.
   * Throws `record_unavailable` where a line cannot be read.
   */
  read(end: number, limit: number, visit: VisitLeaf): number {
    let count = 0
    while (this.#position.seq < end && count < limit) {
      const segment = this.#segment()
      const before = count
      let { seq, offset } = this.#position
      const take = (line: RawLine): boolean => {
        if (seq >= end || count >= limit) return false
        const leaf = splitLine(line.bytes)
        if (leaf === undefined) throw unreadable(segment, line.start)
        visit(seq, leaf)
        seq += 1
        offset = line.end
        count += 1
        return true
      }
      const lines = readLines(segment.path, offset, take, Number.POSITIVE_INFINITY, this.#into)
      this.#position = { seq, segment: segment.name, offset }
      if (count === before && !this.#advance(segment)) throw unreadable(segment, lines.end)
    }
    return count
  }

  /** The segment of the position; where none is named yet, the one that holds its sequence number. */
  #segment(): Segment {
    const segments = listSegments(this.#folder)
    const named = segments.find(({ name }) => name === this.#position.segment)
    if (named !== undefined) return named
    const { seq } = this.#position
    const holding = segments.findLast(({ first }) => first <= seq) ?? segments[0]
    if (holding === undefined) throw unreadable({ path: join(this.#folder, '…') }, 0)
    // Entries before the first segment have expired: it begins where the log does.
    this.#position = { seq: holding.first, segment: holding.name, offset: 0 }
    if (holding.first < seq) this.read(seq, Number.POSITIVE_INFINITY, () => undefined)
    return listSegments(this.#folder).find(({ name }) => name === this.#position.segment) ?? holding
  }

  /** Goes on with the segment after this one; false where there is none. */
  #advance(segment: Segment): boolean {
    const next = listSegments(this.#folder).find(
      ({ first, name }) => first >= this.#position.seq && name > segment.name,
    )
    if (next === undefined) return false
    this.#position = { seq: next.first, segment: next.name, offset: 0 }
    return true
  }
}

function unreadable(segment: { readonly path: string }, offset: number): UpshiftError {
  const message = `${segment.path} cannot be read at byte ${offset}, although it was on the disk: it was changed or cut. \`upshift audit verify\` names what is wrong.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

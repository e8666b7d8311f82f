import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { dateOf, dayOf } from '../../lib/utc.ts'
import { eachLine, FORMAT, formatOf, type RawLine } from './line.ts'

/** A segment's name is its first sequence number and its UTC day. */
export interface Segment {
  readonly name: string
  readonly path: string
  /** Sequence number of its first entry. */
  readonly first: number
  /** 20261121 */
  readonly day: number
}

const SEGMENT = /^(\d{12})-(\d{8})\.log$/
const CHUNK_BYTES = 262_144
/** No entry is as long: a request's plan is bounded, and texts stay out of the log. */
const LINE_BYTES_MAX = 16 * 1_048_576

/** All segments of a log, the oldest first. */
export function listSegments(folder: string): Segment[] {
  const segments: Segment[] = []
  for (const name of readdirSync(folder)) {
    const match = SEGMENT.exec(name)
    if (match === null) continue
    segments.push({ name, path: join(folder, name), first: Number(match[1]), day: Number(match[2]) })
  }
  return segments.sort((one, other) => one.first - other.first || one.day - other.day)
}

export function segmentName(first: number, day: number): string {
  return `${String(first).padStart(12, '0')}-${day}.log`
}

/** Where the whole lines of a read end. */
export interface Lines {
  /** Past the last whole line that was read. */
  readonly end: number
  /** Size of the file when it was opened, or `to`. */
  readonly size: number
}

/** What lines are read into, kept by who reads often: fresh memory for each reading costs more than the reading. */
export class ReadBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)

  /** Twice the bytes, with what is held in it. */
  grow(): void {
    const before = this.bytes
    this.bytes = Buffer.allocUnsafeSlow(before.length * 2)
    before.copy(this.bytes)
  }

  /** What one long line has taken is given back. */
  rest(): void {
    if (this.bytes.length > CHUNK_BYTES) this.bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }
}

/**
 * The whole lines of a segment from byte `from` on, in bounded memory, its header left out; returns where they
 * end. `visit` may end it early by returning false; a line's bytes are valid only during its visit. Throws where the
 * header names a newer format.
 */
export function readLines(
  path: string,
  from: number,
  visit: (line: RawLine) => boolean,
  to: number = Number.POSITIVE_INFINITY,
  into: ReadBuffer = new ReadBuffer(),
): Lines {
  const descriptor = openSync(path, 'r')
  let ended = false
  const visitLine = (line: RawLine): boolean => {
    ended = !(line.start === 0 && isKnownHeader(path, line.bytes)) && !visit(line)
    return !ended
  }
  try {
    const size = Math.min(to, fstatSync(descriptor).size)
    let at = from
    /** Bytes at the front of the buffer that are the beginning of a line. */
    let held = 0
    while (at < size) {
      const { bytes } = into
      const read = readSync(descriptor, bytes, held, Math.min(bytes.length - held, size - at), at)
      if (read === 0) break
      const offset = at - held
      const filled = held + read
      at += read
      const passed = eachLine(bytes.subarray(0, filled), offset, visitLine)
      if (ended) return { end: offset + passed, size }
      bytes.copyWithin(0, passed, filled)
      held = filled - passed
      if (held > LINE_BYTES_MAX) break
      if (held === bytes.length) into.grow()
    }
    return { end: at - held, size }
  } finally {
    into.rest()
    closeSync(descriptor)
  }
}

function isKnownHeader(path: string, line: Buffer): boolean {
  const format = formatOf(line)
  if (format === undefined) return false
  if (format === FORMAT) return true
  const message = `${path} is written in format ${format} by a newer Upshift; this one reads up to format ${FORMAT}. Run that newer version again.`
  throw new UpshiftError({ code: 'conflict', message })
}

/** 20261121 for any moment of that UTC day. */
export function utcDay(atMs: number): number {
  return dateOf(dayOf(atMs))
}

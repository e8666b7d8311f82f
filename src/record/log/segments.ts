import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { dateOf, dayOf } from '../../lib/utc.ts'
import { FORMAT, formatOf, linesIn, type RawLine } from './line.ts'

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
const CHUNK_BYTES = 1_048_576
/** No entry is as long: a request's plan is bounded, and texts stay out of the log. */
const LINE_BYTES_MAX = 16 * CHUNK_BYTES

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

/**
 * The whole lines of a segment from byte `from` on, in bounded memory, its header left out; returns where they
 * end. `visit` may end it early by returning false. Throws where the header names a newer format.
 */
export function readLines(
  path: string,
  from: number,
  visit: (line: RawLine) => boolean,
  to: number = Number.POSITIVE_INFINITY,
): Lines {
  const descriptor = openSync(path, 'r')
  try {
    const size = Math.min(to, fstatSync(descriptor).size)
    let rest: Buffer = Buffer.alloc(0)
    let at = from
    while (at < size) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - at))
      const read = readSync(descriptor, chunk, 0, chunk.length, at)
      if (read === 0) break
      const bytes =
        rest.length === 0 ? chunk.subarray(0, read) : Buffer.concat([rest, chunk.subarray(0, read)])
      const offset = at - rest.length
      at += read
      let end = offset
      for (const line of linesIn(bytes, offset)) {
        const isHeader = line.start === 0 && isKnownHeader(path, line.bytes)
        if (!isHeader && !visit(line)) return { end: line.start, size }
        end = line.end
      }
      rest = bytes.subarray(end - offset)
      if (rest.length > LINE_BYTES_MAX) break
    }
    return { end: at - rest.length, size }
  } finally {
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

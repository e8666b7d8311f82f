import { crc32 } from 'node:zlib'
import type { Settled, Stamped } from '../../contract/entry.ts'

/**
 * One entry is one line: eight hex digits of CRC-32 over the JSON's bytes, a space, the JSON, a line feed.
 * The checksum tells a torn line from a whole one; it is no protection against a forger: that is the tree's,
 * whose leaf is the JSON's bytes.
 */
const CHECKSUM_CHARS = 8
const LINE_FEED = 10

/** The format that is written. Format 1 had no header, and an entry of its own for each turn's end. */
export const FORMAT = 2
const HEADER_START = 'upshift-log '
/** The first line of every segment. */
export const HEADER: string = `${HEADER_START}${FORMAT}\n`

export function encodeLine(entry: Stamped): string {
  const json = JSON.stringify(entry)
  return `${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} ${json}\n`
}

/** The JSON's bytes of a line without its line feed; undefined where the checksum does not hold. */
export function splitLine(line: Buffer): Buffer | undefined {
  if (line.length < CHECKSUM_CHARS + 3 || line[CHECKSUM_CHARS] !== 0x20) return undefined
  const json = line.subarray(CHECKSUM_CHARS + 1)
  const checksum = Number.parseInt(line.toString('latin1', 0, CHECKSUM_CHARS), 16)
  return crc32(json) === checksum ? json : undefined
}

export function decodeEntry(json: Buffer): Stamped {
  // A parser: the checksum vouches that these are the bytes that encodeLine wrote from a Stamped entry.
  return JSON.parse(json.toString('utf8')) as Stamped
}

/** True for an entry of format 1, which told each turn's end apart. */
export function isSettled(entry: Stamped): entry is Stamped<Settled> {
  return entry.type === 'settled'
}

/** The format that a header line names; undefined where the line is no header. */
export function formatOf(line: Buffer): number | undefined {
  const text = line.toString('latin1', 0, Math.min(line.length, HEADER_START.length + 9))
  if (!text.startsWith(HEADER_START)) return undefined
  const digits = text.slice(HEADER_START.length)
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : undefined
}

/** A line's place in its file, and its bytes without the line feed. */
export interface RawLine {
  readonly start: number
  /** Past the line feed. */
  readonly end: number
  readonly bytes: Buffer
}

/** The whole lines of a buffer. What follows the last line feed is left. */
export function* linesIn(bytes: Buffer, offset: number): Generator<RawLine> {
  let start = 0
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    yield { start: offset + start, end: offset + end + 1, bytes: bytes.subarray(start, end) }
    start = end + 1
  }
}

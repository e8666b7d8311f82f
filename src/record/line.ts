import { crc32 } from 'node:zlib'
import type { Entry, Stamped } from '../contract/entry.ts'

/**
 * One entry is one line: eight hex digits of CRC-32 over the JSON's bytes, a space, the JSON, a line feed.
 * The checksum tells a torn line from a whole one; it is no protection against a forger.
 */
const CHECKSUM_CHARS = 8
const LINE_FEED = 10

export function encodeLine(entry: Stamped): string {
  const json = JSON.stringify(entry)
  return `${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} ${json}\n`
}

/** What the bytes of a segment hold: the whole entries, and where the first unreadable byte stands, if any. */
export interface Scan {
  readonly entries: number
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number
  /** True where a readable line follows an unreadable one: damage or tampering, not a torn tail. */
  readonly damaged: boolean
}

/** Reads a segment's lines in order. Stops visiting at the first unreadable line. */
export function scanLines(bytes: Buffer, visit: (entry: Stamped) => void): Scan {
  let start = 0
  let entries = 0
  while (start < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, start)
    const entry = end === -1 ? undefined : decodeLine(bytes.subarray(start, end))
    if (entry === undefined) return { entries, wholeBytes: start, damaged: readableAfter(bytes, end) }
    visit(entry)
    entries += 1
    start = end + 1
  }
  return { entries, wholeBytes: start, damaged: false }
}

function decodeLine(line: Buffer): Stamped | undefined {
  const json = line.subarray(CHECKSUM_CHARS + 1)
  if (line.length < CHECKSUM_CHARS + 3 || line[CHECKSUM_CHARS] !== 0x20) return undefined
  const checksum = line.toString('latin1', 0, CHECKSUM_CHARS)
  if (crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0') !== checksum) return undefined
  // A parser: the checksum vouches that these are the bytes that encodeLine wrote from a Stamped<Entry>.
  return JSON.parse(json.toString('utf8')) as Stamped<Entry>
}

function readableAfter(bytes: Buffer, lineEnd: number): boolean {
  let start = lineEnd + 1
  while (lineEnd !== -1 && start < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, start)
    if (end === -1) return false
    if (decodeLine(bytes.subarray(start, end)) !== undefined) return true
    start = end + 1
  }
  return false
}

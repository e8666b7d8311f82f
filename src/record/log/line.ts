import { crc32 } from 'node:zlib'
import type { Stamped } from '../../contract/entry.ts'

/**
 * One entry is one line: eight hex digits of CRC-32 over the JSON's bytes, a space, the JSON, a line feed.
 * The checksum tells a torn line from a whole one; it is no protection against a forger: that is the tree's,
 * whose leaf is the JSON's bytes.
 */
const CHECKSUM_CHARS = 8
/** Before the JSON: the checksum and a space. */
export const PREFIX_BYTES: number = CHECKSUM_CHARS + 1
const LINE_FEED = 10
const SPACE = 0x20

/** The format that is written. Format 1 had no header, and an entry of its own for each turn's end. */
export const FORMAT = 2
const HEADER_START = 'upshift-log '
/** The first line of every segment. */
export const HEADER: string = `${HEADER_START}${FORMAT}\n`

/** One line, for whoever writes a log by other means. */
export function encodeLine(entry: Stamped): string {
  const lines = new Lines(ONE_LINE_BYTES)
  lines.add(entry)
  return lines.take().toString('utf8')
}

const LINES_BYTES = 65_536
const ONE_LINE_BYTES = 4_096
/** A buffer that grew beyond this for one batch is given back after it. */
const KEPT_BYTES = 4 * 1_048_576

/** Lines that gather until they are written, encoded once and where they lie. */
export class Lines {
  #bytes: Buffer
  #used = 0
  /** How many have gathered. */
  count = 0

  constructor(bytes: number = LINES_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes)
  }

  add(entry: Stamped): void {
    const json = JSON.stringify(entry)
    const start = this.#used + PREFIX_BYTES
    // A UTF-16 unit becomes three bytes of UTF-8 at most.
    const room = start + json.length * 3 + 1
    if (room > this.#bytes.length) this.#grow(room)
    const bytes = this.#bytes
    const end = start + bytes.write(json, start)
    bytes.write(checksumOf(bytes.subarray(start, end)), this.#used, 'latin1')
    bytes[start - 1] = SPACE
    bytes[end] = LINE_FEED
    this.#used = end + 1
    this.count += 1
  }

  /** What has gathered, valid until the next `add`; then nothing has. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used)
    this.#used = 0
    this.count = 0
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(LINES_BYTES)
    return taken
  }

  #grow(room: number): void {
    const before = this.#bytes
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(room, before.length * 2))
    before.copy(this.#bytes, 0, 0, this.#used)
  }
}

function checksumOf(json: Buffer): string {
  return crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')
}

/**
 * The JSON's bytes of a line without its line feed; undefined where the checksum does not hold, to the letter: any
 * other spelling of the same number is a change.
 */
export function splitLine(line: Buffer): Buffer | undefined {
  if (line.length < CHECKSUM_CHARS + 3 || line[CHECKSUM_CHARS] !== SPACE) return undefined
  const json = line.subarray(PREFIX_BYTES)
  return line.toString('latin1', 0, CHECKSUM_CHARS) === checksumOf(json) ? json : undefined
}

export function decodeEntry(json: Buffer): Stamped {
  // A parser: the checksum vouches that these are the bytes that encodeLine wrote from a Stamped entry.
  return JSON.parse(json.toString('utf8')) as Stamped
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

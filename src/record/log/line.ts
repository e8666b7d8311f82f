import { crc32 } from 'node:zlib'
import type { Entry, Stamped, TextRef } from '../../contract/entry.ts'

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
const COMMA = 0x2c
/** The JSON of nothing told. */
const EMPTY = '{}'

/** The format that is written. Format 1 had no header, and an entry of its own for each turn's end. */
export const FORMAT = 2
const HEADER_START = 'upshift-log '
/** The first line of every segment. */
export const HEADER: string = `${HEADER_START}${FORMAT}\n`

/** One line, for whoever writes a log by other means. */
export function encodeLine(entry: Stamped): string {
  const json = JSON.stringify(entry)
  return `${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} ${json}\n`
}

/** What an entry says of the texts that are kept beside it: fields of its own, found when they are sealed. */
export interface Told {
  readonly subject?: string
  readonly prompt?: TextRef
  readonly answer?: TextRef
  readonly correction?: TextRef
}

const LINES_BYTES = 65_536
/** A buffer that grew beyond this for one batch is given back after it. */
const KEPT_BYTES = 4 * 1_048_576

/** Lines that gather until they are written, encoded once and where they lie. */
export class Lines {
  #bytes: Buffer
  #used = 0
  /** How many have gathered. */
  count = 0

  constructor() {
    this.#bytes = Buffer.allocUnsafeSlow(LINES_BYTES)
  }

  /**
   * Adds the line of `{ ...entry, ...told, seq, at }`. The object itself is never made: its three parts are written
   * after each other, each over the brace that closed the one before it.
   */
  add(entry: Entry, told: Told | undefined, seq: number, at: number): void {
    const json = JSON.stringify(entry)
    const more = told === undefined ? '' : JSON.stringify(told)
    const stamp = `,"seq":${seq},"at":${at}}`
    const start = this.#used + PREFIX_BYTES
    // A UTF-16 unit becomes three bytes of UTF-8 at most.
    const room = start + (json.length + more.length) * 3 + stamp.length + 1
    if (room > this.#bytes.length) this.#grow(room)
    const bytes = this.#bytes
    let brace = start + bytes.write(json, start) - 1
    if (more.length > EMPTY.length) {
      const next = brace + bytes.write(more, brace) - 1
      bytes[brace] = COMMA
      brace = next
    }
    const end = brace + bytes.write(stamp, brace, 'latin1')
    writeChecksum(bytes, this.#used, crc32(bytes.subarray(start, end)))
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

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
function writeChecksum(bytes: Buffer, at: number, checksum: number): void {
  for (let place = at + CHECKSUM_CHARS - 1, rest = checksum; place >= at; place--, rest >>>= 4) {
    bytes[place] = DIGITS[rest & 0xf] ?? 0
  }
}

/**
 * The JSON's bytes of a line without its line feed; undefined where the checksum does not hold, to the letter: any
 * other spelling of the same number is a change.
 */
export function splitLine(line: Buffer): Buffer | undefined {
  if (line.length < CHECKSUM_CHARS + 3 || line[CHECKSUM_CHARS] !== SPACE) return undefined
  const json = line.subarray(PREFIX_BYTES)
  const checksum = crc32(json)
  for (let place = 0; place < CHECKSUM_CHARS; place++) {
    const digit = (checksum >>> (4 * (CHECKSUM_CHARS - 1 - place))) & 0xf
    if (line[place] !== DIGITS[digit]) return undefined
  }
  return json
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

/**
 * Visits the whole lines of a buffer that begins at byte `offset` of its file, until `visit` returns false. Returns how
 * many of its bytes were visited; what follows the last line feed is left.
 */
export function eachLine(bytes: Buffer, offset: number, visit: (line: RawLine) => boolean): number {
  let start = 0
  for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, start)) {
    const line = { start: offset + start, end: offset + end + 1, bytes: bytes.subarray(start, end) }
    if (!visit(line)) break
    start = end + 1
  }
  return start
}

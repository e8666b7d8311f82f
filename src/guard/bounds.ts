import { isUtf8 } from 'node:buffer'
import { type Refusal, refuse } from '../contract/problem.ts'

export interface BodyBounds {
  readonly maxBodyBytes: number
  readonly maxDepth: number
  /** Elements and members of all arrays and objects together. */
  readonly maxValues: number
}

/** A body's value, in a box of its own: a caller's JSON may look like anything, a refusal of ours included. */
export interface ParsedBody {
  readonly type: 'parsed'
  readonly value: unknown
}

/**
 * The JSON value of a request body, or why it is refused: `body_too_large`, `invalid_encoding`, `too_deep`,
 * `too_many_values`, `invalid_json`. Every step is linear in the bytes and none recurses. Depth and number of
 * values are bounded before the parser runs: whatever walks the value later may recurse, and takes its time
 * for every value, in which nobody else is served.
 */
export function parseBody(bytes: Buffer, bounds: BodyBounds): ParsedBody | Refusal {
  if (bytes.length > bounds.maxBodyBytes) {
    return refuse(
      'body_too_large',
      `The request body has ${bytes.length} bytes and at most ${bounds.maxBodyBytes} are accepted (guard.bounds.maxBodyBytes): send less, or raise the bound.`,
    )
  }
  if (bytes.length === 0) return refuse('invalid_json', 'The request body is empty: send a JSON object.')
  if (!isUtf8(bytes)) {
    return refuse('invalid_encoding', 'The request body is not valid UTF-8: encode the JSON as UTF-8.')
  }
  const excess = exceedsStructure(bytes, bounds)
  if (excess?.what === 'depth') {
    return refuse(
      'too_deep',
      `The request body nests deeper than ${bounds.maxDepth} levels at byte ${excess.at} (guard.bounds.maxDepth): flatten the JSON.`,
    )
  }
  if (excess?.what === 'values') {
    return refuse(
      'too_many_values',
      `The request body holds more than ${bounds.maxValues} values, counted up to byte ${excess.at} (guard.bounds.maxValues): send fewer, or raise the bound.`,
    )
  }
  const text = bytes.toString('utf8')
  try {
    return { type: 'parsed', value: JSON.parse(text) }
  } catch (error) {
    return refuse('invalid_json', `The request body is not valid JSON: ${parseFault(error, text)}.`)
  }
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const MIN_STRUCTURE = 0x5b // `[`, `\`, `]`, `{`, `|`, `}` differ only by 0x20 above this

interface Excess {
  readonly what: 'depth' | 'values'
  /** Byte offset. */
  readonly at: number
}

/** The first bracket that nests too deep, or the comma that announces a value too many. What stands in strings does not count. */
function exceedsStructure(bytes: Buffer, { maxDepth, maxValues }: BodyBounds): Excess | undefined {
  let depth = 0
  let values = 0
  const length = bytes.length
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] as number // at < length
    if (byte === QUOTE) {
      at = stringEnd(bytes, at + 1)
    } else if (byte === COMMA) {
      if (++values > maxValues) return { what: 'values', at }
    } else if (byte >= MIN_STRUCTURE) {
      const bracket = byte & ~0x20
      if (bracket === 0x5b) {
        if (++depth > maxDepth) return { what: 'depth', at }
      } else if (bracket === 0x5d) depth--
    }
  }
  return undefined
}

/** Strings up to this long are read byte by byte: a call of the search costs as much. */
const SHORT_STRING_BYTES = 24

/** Where the string that begins at `from` ends: at its closing quote, or past the last byte. Linear, whatever it escapes. */
function stringEnd(bytes: Buffer, from: number): number {
  let at = from
  for (const short = Math.min(bytes.length, from + SHORT_STRING_BYTES); at < short; at++) {
    const inside = bytes[at]
    if (inside === QUOTE) return at
    if (inside === BACKSLASH) at++
  }
  const quote = bytes.indexOf(QUOTE, at)
  if (quote === -1) return bytes.length
  if (bytes[quote - 1] !== BACKSLASH) return quote
  // An escaped quote, perhaps one of many: from here on each byte is looked at, once.
  for (; at < bytes.length; at++) {
    const inside = bytes[at]
    if (inside === QUOTE) return at
    if (inside === BACKSLASH) at++
  }
  return bytes.length
}

const MAX_LOCATED_CHARS = 65_536

/** V8's message without the piece of the body that it sometimes quotes, and with the position it leaves out. */
function parseFault(error: unknown, text: string): string {
  const message = error instanceof Error ? error.message : ''
  if (message.startsWith('Unexpected end')) return `it ends too early, at position ${text.length}`
  const placed = /^(.{1,120}?) (?:in|after) JSON at position (\d+)/.exec(message)
  if (placed) return `${lowerFirst(placed[1] ?? '')} at position ${placed[2]}`
  const token = /^Unexpected token '(.{1,2})'/su.exec(message)
  const where = text.length > MAX_LOCATED_CHARS ? '' : ` at position ${unexpectedAt(text)}`
  return `unexpected ${JSON.stringify(token?.[1] ?? 'token')}${where}`
}

/** Where V8 met an unexpected token: the longest prefix without that complaint, by bisection. */
function unexpectedAt(text: string): number {
  let fine = 0
  let bad = text.length
  while (bad - fine > 1) {
    const middle = (fine + bad) >>> 1
    if (isUnexpectedToken(text.slice(0, middle))) bad = middle
    else fine = middle
  }
  return fine
}

function isUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text)
    return false
  } catch (error) {
    return error instanceof Error && error.message.startsWith('Unexpected token')
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

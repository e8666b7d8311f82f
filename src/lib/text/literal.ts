import { hasEnded, nextChar, pastSpace, type Reading, type Tape } from './tape.ts'

/**
 * DESIGN. Values as models write them: JSON (RFC 8259) and the literals of Python (its language reference, 2.4
 * and 6.2), mixed as they come: either quote, True or true, None or null, tuples as lists, a comma too many. What
 * is read is never guessed: a number keeps its digits, a name without quotes is a `word` of its own kind, a key
 * that stands twice is a fault. `raw` is text of an XML element, whose type only a schema knows.
 *
 * Readers wait for text by yielding, so that one grammar reads whole texts and streams alike. A fault is
 * undefined, and `tape.at` stands where it was met. Depth is bounded, and each character is read once.
 */
export type Value =
  | { readonly kind: 'string' | 'word' | 'raw'; readonly text: string }
  /** `text` is valid JSON, digit for digit what was written. */
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'list'; readonly items: readonly Value[] }
  | { readonly kind: 'dict'; readonly entries: Entries }

export type Entries = ReadonlyMap<string, Value>

/** Nesting of lists and dicts at most. */
export const MAX_VALUE_DEPTH = 32

export const NULL: Value = { kind: 'null' }

/** Asked of each member of a dict as it comes; false ends the reading as a fault. */
export interface DictWatch {
  mayHave(key: string): boolean
  mayBe(key: string, value: Value): boolean
  /** Whether the text may end behind this value, without the brace that is due. */
  mayEnd(value: Value): boolean
}

/** One value, white space before it included. */
export function* readValue(tape: Tape, depth = 0): Reading<Value | undefined> {
  const char = yield* pastSpace(tape)
  switch (char) {
    case '{':
      return yield* readDict(tape, depth)
    case '[':
      return yield* readSequence(tape, ']', depth)
    case '(':
      return yield* readSequence(tape, ')', depth)
    case '"':
    case "'": {
      const text = yield* readString(tape)
      return text === undefined ? undefined : { kind: 'string', text }
    }
  }
  if (isWordStart(char)) return yield* readWordValue(tape)
  return /^[-+.0-9]/.test(char) ? yield* readNumber(tape) : undefined
}

/** A dict, from its brace on. */
export function* readDict(tape: Tape, depth: number, watch?: DictWatch): Reading<Value | undefined> {
  if (depth >= MAX_VALUE_DEPTH) return undefined
  tape.at++
  const entries = new Map<string, Value>()
  for (;;) {
    const char = yield* pastSpace(tape)
    if (char === '}') break
    const key = yield* readKey(tape, char)
    if (key === undefined || entries.has(key) || watch?.mayHave(key) === false) return undefined
    if ((yield* pastSpace(tape)) !== ':') return undefined
    tape.at++
    const value = yield* readValue(tape, depth + 1)
    if (value === undefined || watch?.mayBe(key, value) === false) return undefined
    entries.set(key, value)
    const after = yield* pastSpace(tape)
    if (after === '' && hasEnded(tape) && watch?.mayEnd(value)) return { kind: 'dict', entries }
    if (after === '}') break
    if (after !== ',') return undefined
    tape.at++
  }
  tape.at++
  return { kind: 'dict', entries }
}

function* readKey(tape: Tape, char: string): Reading<string | undefined> {
  if (char === '"' || char === "'") return yield* readString(tape)
  if (isWordStart(char)) return yield* readWord(tape)
  const number = /^[-0-9]/.test(char) ? yield* readNumber(tape) : undefined
  return number?.kind === 'number' ? number.text : undefined
}

/** A list or tuple, from its bracket on. A value alone in parentheses is that value. */
function* readSequence(tape: Tape, close: ']' | ')', depth: number): Reading<Value | undefined> {
  if (depth >= MAX_VALUE_DEPTH) return undefined
  tape.at++
  const items: Value[] = []
  let comma = false
  for (;;) {
    if ((yield* pastSpace(tape)) === close) break
    const value = yield* readValue(tape, depth + 1)
    if (value === undefined) return undefined
    items.push(value)
    const after = yield* pastSpace(tape)
    if (after === close) break
    if (after !== ',') return undefined
    comma = true
    tape.at++
  }
  tape.at++
  const [only] = items
  if (close === ')' && !comma && only !== undefined) return only
  return { kind: 'list', items }
}

const WORD_CHAR = /[\w.$-]/
const MAX_WORD_CHARS = 256

export function isWordStart(char: string): boolean {
  return /^[A-Za-z_]/.test(char)
}

/** A name without quotes, dots and hyphens included; undefined where it is longer than 256 characters. */
export function* readWord(tape: Tape): Reading<string | undefined> {
  let word = ''
  for (;;) {
    const char = tape.at < tape.end ? tape.text.charAt(tape.at) : yield* nextChar(tape)
    if (char === '' || !WORD_CHAR.test(char)) return word
    if (word.length === MAX_WORD_CHARS) return undefined
    word += char
    tape.at++
  }
}

const LITERAL_WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', { kind: 'boolean', value: true }],
  ['True', { kind: 'boolean', value: true }],
  ['false', { kind: 'boolean', value: false }],
  ['False', { kind: 'boolean', value: false }],
  ['null', NULL],
  ['None', NULL],
])

function* readWordValue(tape: Tape): Reading<Value | undefined> {
  const text = yield* readWord(tape)
  if (text === undefined) return undefined
  const next = yield* nextChar(tape)
  if (next === '"' || next === "'") {
    if (!/^[ru]$/i.test(text)) return undefined
    const string = yield* readString(tape, text.toLowerCase() === 'r')
    return string === undefined ? undefined : { kind: 'string', text: string }
  }
  return LITERAL_WORDS.get(text) ?? { kind: 'word', text }
}

const NUMBER = /^([-+]?)(0|[1-9]\d*|0(?=\.)|(?=\.\d))(?:\.(\d*))?((?:[eE][-+]?\d+)?)$/
const MAX_NUMBER_CHARS = 400

function* readNumber(tape: Tape): Reading<Value | undefined> {
  let text = ''
  for (;;) {
    const char = tape.at < tape.end ? tape.text.charAt(tape.at) : yield* nextChar(tape)
    const signed = (char === '-' || char === '+') && (text === '' || /[eE]$/.test(text))
    if (char === '' || !(signed || /[\w.]/.test(char))) break
    if (text.length === MAX_NUMBER_CHARS) return undefined
    text += char
    tape.at++
  }
  const plain = /^[-+]?[\d_.]+$/.test(text) ? text.replace(/(\d)_(?=\d)/g, '$1') : text
  const match = NUMBER.exec(plain)
  if (match === null) return undefined
  const [, sign, whole, fraction, exponent] = match
  const decimals = fraction === undefined ? '' : `.${fraction || '0'}`
  return { kind: 'number', text: `${sign === '-' ? '-' : ''}${whole || '0'}${decimals}${exponent}` }
}

/**
 * A string, from its quote on: with either quote or three of them, with the escapes of JSON and Python. A line
 * break in it stands for itself, and so does a backslash before any other character, as in Python.
 */
export function* readString(tape: Tape, rawly = false): Reading<string | undefined> {
  const quote = tape.text.charAt(tape.at)
  tape.at++
  let close = quote
  if ((yield* nextChar(tape)) === quote) {
    tape.at++
    if ((yield* nextChar(tape)) !== quote) return ''
    tape.at++
    close = quote.repeat(3)
  }
  let text = ''
  let closing = 0
  for (;;) {
    const char = tape.at < tape.end ? tape.text.charAt(tape.at) : yield* nextChar(tape)
    if (char === '') return undefined
    if (char === quote) {
      tape.at++
      closing++
      if (closing === close.length) return text
      continue
    }
    text += quote.repeat(closing)
    closing = 0
    if (char === '\\') {
      const escaped = yield* readEscape(tape, rawly)
      if (escaped === undefined) return undefined
      text += escaped
      continue
    }
    let to = tape.at + 1
    for (; to < tape.end; to++) {
      const code = tape.text.charCodeAt(to)
      if (code === 0x22 || code === 0x27 || code === 0x5c) break
    }
    text += tape.text.slice(tape.at, to)
    tape.at = to
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' },
  ...{ '"': '"', "'": "'", '\\': '\\', '/': '/', '\n': '' },
}
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }
const MAX_CODE_POINT = 0x10ffff

function* readEscape(tape: Tape, rawly: boolean): Reading<string | undefined> {
  tape.at++
  const char = yield* nextChar(tape)
  if (char === '') return undefined
  tape.at++
  if (rawly) return `\\${char}`
  const plain = ESCAPES[char]
  if (plain !== undefined) return plain
  const digits = HEX_DIGITS[char]
  if (digits === undefined) return `\\${char}`
  let hex = ''
  while (hex.length < digits) {
    const digit = yield* nextChar(tape)
    if (!/^[\da-fA-F]$/.test(digit)) return undefined
    hex += digit
    tape.at++
  }
  const code = Number.parseInt(hex, 16)
  if (code > MAX_CODE_POINT) return undefined
  return char === 'U' ? String.fromCodePoint(code) : String.fromCharCode(code)
}

/** The value that a text is, alone but for white space around it. */
export function* readAlone(tape: Tape): Reading<Value | undefined> {
  const value = yield* readValue(tape)
  return value !== undefined && (yield* pastSpace(tape)) === '' ? value : undefined
}

/** A value as JSON. A word or raw text is a string. */
export function jsonOf(value: Value): string {
  switch (value.kind) {
    case 'string':
    case 'word':
    case 'raw':
      return JSON.stringify(value.text)
    case 'number':
      return value.text
    case 'boolean':
      return String(value.value)
    case 'null':
      return 'null'
    case 'list':
      return `[${value.items.map(jsonOf).join(',')}]`
    case 'dict':
      return `{${[...value.entries].map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`).join(',')}}`
  }
}

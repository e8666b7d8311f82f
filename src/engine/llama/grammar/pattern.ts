import {
  ALL_CHARS,
  type CharSet,
  charOf,
  charSet,
  complement,
  DIGITS,
  intersect,
  LINE_ENDS,
  minus,
  propertyChars,
  SPACES,
  union,
  WORD_CHARS,
} from './chars.ts'
import type { Work } from './outcome.ts'

/**
 * A regular expression as JSON Schema means it: ECMA-262 with the flag `u`, so that a character is a code point.
 * Captures are groups, and a lazy quantifier is a greedy one: both match the same texts.
 */
export type Pattern =
  | { readonly type: 'chars'; readonly set: CharSet }
  | { readonly type: 'sequence'; readonly parts: readonly Pattern[] }
  | { readonly type: 'choice'; readonly options: readonly Pattern[] }
  | { readonly type: 'repeat'; readonly part: Pattern; readonly min: number; readonly max: number }
  | { readonly type: 'assert'; readonly what: Assertion }
  | { readonly type: 'ahead'; readonly part: Pattern; readonly negative: boolean }

export type Assertion = 'start' | 'end' | 'word' | 'not-word'

/** `unsupported` names what no automaton here can do; `invalid` says what the runtime says. */
export type ParsedPattern =
  | { readonly type: 'pattern'; readonly pattern: Pattern }
  | { readonly type: 'invalid'; readonly why: string }
  | { readonly type: 'unsupported'; readonly why: string }

export function parsePattern(source: string, work: Work): ParsedPattern {
  try {
    // Whatever the runtime takes is well-formed, and the reader below need not complain again.
    new RegExp(source, 'u')
  } catch (error) {
    return { type: 'invalid', why: error instanceof Error ? error.message : String(error) }
  }
  try {
    return { type: 'pattern', pattern: new PatternReader(source, work).read() }
  } catch (error) {
    if (error instanceof Unsupported) return { type: 'unsupported', why: error.message }
    throw error
  }
}

class Unsupported extends Error {}

const MAX_NESTING = 64
/** To look through all of Unicode for a property takes some 20 ms. */
const PROPERTY_STEPS = 50_000
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 }

class PatternReader {
  readonly #chars: readonly string[]
  #at = 0
  #depth = 0
  readonly #work: Work

  constructor(source: string, work: Work) {
    this.#chars = [...source]
    this.#work = work
  }

  read(): Pattern {
    return this.#choice()
  }

  #peek(ahead = 0): string {
    return this.#chars[this.#at + ahead] ?? ''
  }

  #take(text: string): boolean {
    for (const [index, char] of [...text].entries()) if (this.#peek(index) !== char) return false
    this.#at += text.length
    return true
  }

  #until(end: string): string {
    const from = this.#at
    while (this.#at < this.#chars.length && this.#peek() !== end) this.#at++
    const text = this.#chars.slice(from, this.#at).join('')
    this.#at++
    return text
  }

  #choice(): Pattern {
    if (++this.#depth > MAX_NESTING) throw new Unsupported(`groups nested more than ${MAX_NESTING} deep`)
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    this.#depth--
    const [only] = options
    return options.length === 1 && only !== undefined ? only : { type: 'choice', options }
  }

  #sequence(): Pattern {
    const parts: Pattern[] = []
    while (this.#at < this.#chars.length && this.#peek() !== '|' && this.#peek() !== ')') {
      parts.push(this.#quantified(this.#atom()))
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : { type: 'sequence', parts }
  }

  #quantified(part: Pattern): Pattern {
    const range = this.#quantifier()
    if (range === undefined) return part
    this.#take('?')
    const [min, max] = range
    return { type: 'repeat', part, min, max }
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#take('*')) return [0, Infinity]
    if (this.#take('+')) return [1, Infinity]
    if (this.#take('?')) return [0, 1]
    if (!this.#take('{')) return undefined
    const [min = '', max] = this.#until('}').split(',')
    return [Number(min), max === undefined ? Number(min) : max === '' ? Infinity : Number(max)]
  }

  #atom(): Pattern {
    if (this.#take('^')) return { type: 'assert', what: 'start' }
    if (this.#take('$')) return { type: 'assert', what: 'end' }
    if (this.#take('(')) return this.#group()
    if (this.#take('[')) return chars(this.#class())
    if (this.#take('.')) return chars(complement(LINE_ENDS))
    if (!this.#take('\\')) return chars(charOf(this.#code()))
    if (this.#take('b')) return { type: 'assert', what: 'word' }
    if (this.#take('B')) return { type: 'assert', what: 'not-word' }
    if (/[1-9k]/.test(this.#peek())) throw new Unsupported('a backreference')
    return chars(this.#escape())
  }

  #group(): Pattern {
    const inner = (): Pattern => {
      const part = this.#choice()
      this.#at++
      return part
    }
    if (!this.#take('?') || this.#take(':')) return inner()
    if (this.#take('=')) return { type: 'ahead', part: inner(), negative: false }
    if (this.#take('!')) return { type: 'ahead', part: inner(), negative: true }
    if (!this.#take('<')) throw new Unsupported('a group with modifiers')
    if (this.#peek() === '=' || this.#peek() === '!') throw new Unsupported('a lookbehind')
    this.#until('>')
    return inner()
  }

  #class(): CharSet {
    const negative = this.#take('^')
    const sets: CharSet[] = []
    while (!this.#take(']')) {
      const low = this.#member()
      const isRange = this.#peek() === '-' && this.#peek(1) !== ']' && low.length === 2 && low[0] === low[1]
      if (!isRange || !this.#take('-')) {
        sets.push(low)
        continue
      }
      const high = this.#member()
      sets.push(charSet([[low[0] ?? 0, high[1] ?? 0]]))
    }
    return negative ? minus(ALL_CHARS, union(...sets)) : union(...sets)
  }

  #member(): CharSet {
    if (!this.#take('\\')) return charOf(this.#code())
    if (this.#take('b')) return charOf(0x08)
    return this.#escape()
  }

  #code(): number {
    const code = this.#peek().codePointAt(0) ?? 0
    this.#at++
    return code
  }

  /** What follows a backslash. */
  #escape(): CharSet {
    const letter = this.#peek()
    this.#at++
    switch (letter) {
      case 'd':
        return DIGITS
      case 'D':
        return complement(DIGITS)
      case 'w':
        return WORD_CHARS
      case 'W':
        return complement(WORD_CHARS)
      case 's':
        return SPACES
      case 'S':
        return complement(SPACES)
      case 'p':
      case 'P': {
        this.#at++
        this.#work.spend(PROPERTY_STEPS)
        const set = propertyChars(this.#until('}'))
        return letter === 'p' ? set : complement(set)
      }
      case 'c':
        return charOf(this.#code() % 32)
      case 'x':
        return charOf(this.#hex(2))
      case 'u':
        return charOf(this.#unicode())
      default:
        return charOf(CONTROLS[letter] ?? letter.codePointAt(0) ?? 0)
    }
  }

  #hex(digits: number): number {
    this.#at += digits
    return Number.parseInt(this.#chars.slice(this.#at - digits, this.#at).join(''), 16)
  }

  #unicode(): number {
    if (this.#take('{')) return Number.parseInt(this.#until('}'), 16)
    const unit = this.#hex(4)
    if (unit < 0xd800 || unit > 0xdbff || this.#peek() !== '\\' || this.#peek(1) !== 'u') return unit
    const from = this.#at
    this.#at += 2
    const low = this.#peek() === '{' ? 0 : this.#hex(4)
    if (low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
    this.#at = from
    return unit
  }
}

function chars(set: CharSet): Pattern {
  return { type: 'chars', set: intersect(set, ALL_CHARS) }
}

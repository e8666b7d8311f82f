/**
 * DESIGN. A prompt becomes weights of hashed terms: words, pairs of neighbouring words, and stretches of four
 * characters. One pass over at most HEAD_CHARS + TAIL_CHARS characters, without a regular expression and without
 * making a string per term, so that a prompt of a megabyte costs what one of eight kilobytes does. Only text is read:
 * no id, no domain, no task label. (Hashed features: Weinberger et al. 2009, arXiv 0902.2206.)
 */
const TERM_BITS = 18
export const TERM_SPACE = 1 << TERM_BITS
export const HEAD_CHARS = 6_000
export const TAIL_CHARS = 2_000
/** A word and a pair end at most at every second character, a stretch at every one. */
const TERMS_MAX = 2 * (HEAD_CHARS + TAIL_CHARS)
const COUNT_MAX = 0xffff

/** `1 + ln(count)` of small counts, as nearly all are. */
const LOGS = Float64Array.from({ length: 64 }, (_, count) => 1 + Math.log(count))

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const PAIR_SALT = 0x9e3779b9
const STRETCH_SALT = 0x85ebca6b
const STRETCH_CHARS = 4

/** One prompt's terms: `ids` ascending in [0, TERM_SPACE), and beside each `1 + ln(count)`. */
export interface Terms {
  readonly ids: Uint32Array
  readonly weights: Float32Array
}

/** The part of a prompt that is looked at: all of it, or its head and its tail. */
export function boundedText(text: string): string {
  if (text.length <= HEAD_CHARS + TAIL_CHARS) return text
  return `${text.slice(0, HEAD_CHARS)}\n${text.slice(-TAIL_CHARS)}`
}

/** Reads terms. Holds one table of TERM_SPACE counts, and so is made once and used for many prompts. */
export class TermReader {
  readonly #counts = new Uint16Array(TERM_SPACE)
  readonly #seen = new Uint32Array(TERMS_MAX)
  #size = 0

  read(text: string): Terms {
    this.#scan(boundedText(text))
    const ids = this.#seen.slice(0, this.#size).sort()
    const weights = new Float32Array(ids.length)
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] ?? 0
      const count = this.#counts[id] ?? 1
      weights[at] = LOGS[count] ?? 1 + Math.log(count)
      this.#counts[id] = 0
    }
    this.#size = 0
    return { ids, weights }
  }

  #add(hash: number): void {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    const id = (mixed ^ (mixed >>> 13)) >>> (32 - TERM_BITS)
    const before = this.#counts[id] ?? 0
    if (before === 0) {
      if (this.#size === TERMS_MAX) return
      this.#seen[this.#size++] = id
    }
    if (before < COUNT_MAX) this.#counts[id] = before + 1
  }

  #scan(text: string): void {
    let word = FNV_OFFSET
    let previous = 0
    let inside: Kind = BLANK
    let stretch = 0
    for (let at = 0; at <= text.length; at++) {
      const code = at < text.length ? foldCase(text.charCodeAt(at)) : SPACE
      const kind = kindOf(code)
      if (inside !== BLANK && (kind !== inside || kind === MARK)) {
        this.#add(word)
        if (previous !== 0) this.#add(Math.imul(previous ^ PAIR_SALT, FNV_PRIME) ^ word)
        previous = word
        word = FNV_OFFSET
      }
      inside = kind
      if (kind !== BLANK) word = Math.imul(word ^ code, FNV_PRIME)
      stretch = (stretch << 8) | (code & 0xff)
      if (at >= STRETCH_CHARS - 1) this.#add(Math.imul(stretch ^ STRETCH_SALT, FNV_PRIME))
    }
  }
}

const SPACE = 32
export const BLANK = 0
const LETTER = 1
export const DIGIT = 2
export const MARK = 3
type Kind = typeof BLANK | typeof LETTER | typeof DIGIT | typeof MARK

/** Lower case for ASCII; every control character is a space. */
function foldCase(code: number): number {
  if (code >= 65 && code <= 90) return code + 32
  return code <= SPACE ? SPACE : code
}

/** What a character is, after foldCase or for what has no capitals: characters from U+00C0 on count as letters. */
export function kindOf(code: number): Kind {
  return code < FIRST_LETTERS ? (KINDS[code] as Kind) : LETTER
}

const FIRST_LETTERS = 0xc0
/** Of the characters before them: a look-up is several times as fast as the comparisons, for every character read. */
const KINDS = Uint8Array.from({ length: FIRST_LETTERS }, (_, code) => {
  if (code <= SPACE || code === 0xa0) return BLANK
  if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90)) return LETTER
  return code >= 48 && code <= 57 ? DIGIT : MARK
})

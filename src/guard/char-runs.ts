/**
 * DESIGN. What was read once is not read again. A text made of nothing but the beginnings of secrets asks at
 * every second character where a run ends or what comes next, and each answer may lie thousands of characters
 * ahead. `Runs` and `Ahead` remember the last answer, which holds for every later question that falls inside
 * it, so questions that only move forward cost one reading of the text in all. Both say only what the text
 * before `limit` says; a text that has grown since is read on from where the last reading stopped.
 */
export const LOWER = 1
export const UPPER = 2
export const DIGIT = 4
export const UNDERSCORE = 8
export const DASH = 16
/** `+`, `/`, `=`. */
export const BASE64 = 32
export const ALNUM = LOWER | UPPER | DIGIT
export const BASE64URL = ALNUM | UNDERSCORE | DASH

const CLASS = new Uint8Array(128)
for (let code = 0; code < 128; code++) {
  const char = String.fromCharCode(code)
  if (char >= 'a' && char <= 'z') CLASS[code] = LOWER
  else if (char >= 'A' && char <= 'Z') CLASS[code] = UPPER
  else if (char >= '0' && char <= '9') CLASS[code] = DIGIT
  else if (char === '_') CLASS[code] = UNDERSCORE
  else if (char === '-') CLASS[code] = DASH
  else if (char === '+' || char === '/' || char === '=') CLASS[code] = BASE64
}

/** The class of a UTF-16 unit as a bit; 0 where it has none. */
export function classOf(code: number): number {
  return code < 128 ? (CLASS[code] ?? 0) : 0
}

/** Runs of characters of one class set, for questions about places that move forward. */
export class Runs {
  readonly #classes: number
  #from = 0
  #end = 0

  constructor(classes: number) {
    this.#classes = classes
  }

  /** Where the run that begins at `from` ends: the first character of another class, or `limit`. */
  endOf(text: string, from: number, limit: number): number {
    if (from < this.#from || from > this.#end) {
      this.#from = from
      this.#end = from
    }
    let end = this.#end
    while (end < limit && (classOf(text.charCodeAt(end)) & this.#classes) !== 0) end++
    this.#end = end
    return Math.min(end, limit)
  }

  /** The text has lost its first `chars` characters. */
  shift(chars: number): void {
    this.#from -= chars
    this.#end -= chars
  }
}

export interface Hit {
  readonly start: number
  readonly end: number
}

/** One search: the first hit that lies in `from`..`limit`, else the place before which none can begin. */
export type Search = (text: string, from: number, limit: number) => Hit | number

/** The next hit of a search, for questions about places that move forward. */
export class Ahead {
  readonly #search: Search
  #from = 0
  /** No hit begins in `#from`..`#clear`. */
  #clear = 0
  #hit: Hit | undefined

  constructor(search: Search) {
    this.#search = search
  }

  /** The first hit in `from`..`limit`. */
  next(text: string, from: number, limit: number): Hit | undefined {
    const known = from >= this.#from ? this.#hit : undefined
    if (known !== undefined && known.start >= from) return known.end <= limit ? known : undefined
    const begin = from >= this.#from && from <= this.#clear ? Math.max(from, this.#clear) : from
    const found = this.#search(text, Math.min(begin, limit), limit)
    this.#from = from
    this.#hit = typeof found === 'number' ? undefined : found
    this.#clear = Math.max(from, begin, typeof found === 'number' ? found : found.start)
    return this.#hit
  }

  /** The text has lost its first `chars` characters. */
  shift(chars: number): void {
    this.#from -= chars
    this.#clear -= chars
    if (this.#hit !== undefined) {
      this.#hit = { start: this.#hit.start - chars, end: this.#hit.end - chars }
    }
  }
}

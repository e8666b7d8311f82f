import { GRAMMARS, type Grammar, SHARED } from './function-words.ts'
import { hasSpaceless } from './spaceless.ts'
import { isEmptyWord, isFaintWord, wordsOf } from './words.ts'

/**
 * DESIGN. Which words of a text carry its subject depends on its language: "die" is an article here and a verb there.
 * The language is the one whose function words the text has most of: they are every second word of any
 * question, and no dictionary of all words is needed. Where no other has more than English, or too few tell, it is English.
 * Two others that have equally many are taken together: Danish and Swedish differ in little.
 */
export interface Language {
  readonly english: boolean
  /** Says how something is said and never what about. */
  isEmpty(raw: string): boolean
  /** Says little: it counts less whether it is found or not. */
  isFaint(raw: string): boolean
  /** How many, how often, how long. Of other languages than English; question.ts reads those. */
  readonly quantity: RegExp | undefined
  /** "which", and in its group `rest` what follows. */
  readonly which: RegExp | undefined
  /** A number or a frequency in words. */
  readonly figure: RegExp | undefined
}

export const ENGLISH: Language = {
  english: true,
  isEmpty: isEmptyWord,
  isFaint: isFaintWord,
  quantity: undefined,
  which: undefined,
  figure: undefined,
}

/** What is read of a text to tell its language, in UTF-16 units. */
const MAX_READ = 400

export function languageOf(text: string): Language {
  const { languages } = read(text)
  return languages === 0 ? ENGLISH : languageBy(languages)
}

/** English function words from which on a text is English, and not merely in no language that is known. */
const PLAIN_ENGLISH = 3

/**
 * True where this text is plainly in a language, and the other one is too, wherever it has words enough to tell, but
 * nowhere in that one. The other is read to its end.
 */
export function isForeignTo(text: string, other: string): boolean {
  const own = read(text)
  if (!isPlain(own)) return false
  let foreign = false
  for (let at = 0; at < other.length; at += MAX_READ) {
    const its = read(other.slice(at, at + MAX_READ))
    if (!isPlain(its)) continue
    const common = its.languages === own.languages || (its.languages & own.languages) !== 0
    if (common) return false
    foreign = true
  }
  return foreign
}

function isPlain({ languages, english }: Read): boolean {
  return languages !== 0 || english >= PLAIN_ENGLISH
}

interface Read {
  /** Bits in the order of GRAMMARS; 0 for English, and where there is too little to tell. */
  readonly languages: number
  /** English function words. */
  readonly english: number
}

function read(text: string): Read {
  const beginning = text.slice(0, MAX_READ)
  const counts = new Uint16Array(GRAMMARS.length)
  let [english, certain, long] = [0, 0, 0]
  const { empty, faint } = tables()
  for (const word of new Set(lowerWords(beginning))) {
    if (isEmptyWord(word)) english++
    const of = (empty.get(word) ?? 0) | (faint.get(word) ?? 0)
    if (of === 0) continue
    if (!shared().has(word)) certain |= of
    if (!SHORT.test(word)) long |= of
    for (let number = 0; number < counts.length; number++) {
      if ((of & (1 << number)) !== 0) counts[number] = (counts[number] ?? 0) + 1
    }
  }
  const most = Math.max(...counts)
  if (most <= english) return { languages: 0, english }
  let languages = 0
  for (const [number, count] of counts.entries()) if (count === most) languages |= 1 << number
  // Names in code and units of measure are short: "l" and "em" are articles and prepositions, too.
  const many = most > 2 && (long & languages) !== 0
  return { languages: many || (certain & languages) !== 0 ? languages : 0, english }
}

/** A name in code is one word: `word_list` is no Dutch. */
const WORD = /[\p{L}\p{M}\p{N}_]+/gu

function lowerWords(text: string): readonly string[] {
  if (hasSpaceless(text)) return wordsOf(text).map(({ raw }) => compared(raw))
  return compared(text).match(WORD) ?? []
}

function compared(raw: string): string {
  return raw.toLowerCase().normalize('NFC')
}

/** By word, the languages that have it: bits in the order of GRAMMARS. */
interface Tables {
  readonly empty: ReadonlyMap<string, number>
  readonly faint: ReadonlyMap<string, number>
}

let table: Tables | undefined
let sharedWords: ReadonlySet<string> | undefined

/** Made at the first use: a start needs none. */
function tables(): Tables {
  table ??= { empty: tableOf(({ empty }) => empty), faint: tableOf(({ faint }) => faint) }
  return table
}

/** What may be English: the listed words, and all of one or two plain letters. */
function shared(): { has(word: string): boolean } {
  sharedWords ??= new Set(SHARED.split(' '))
  const listed = sharedWords
  return { has: (word) => listed.has(word) || SHORT.test(word) || isEmptyWord(word) }
}

const SHORT = /^[a-z]{1,2}$/

/** Each word as it is written and, where somebody has no such key, without its accents. */
function tableOf(wordsIn: (grammar: Grammar) => string): Map<string, number> {
  const found = new Map<string, number>()
  for (const [number, grammar] of GRAMMARS.entries()) {
    for (const word of wordsIn(grammar).split(' ')) {
      const plain = hasSpaceless(word) ? word : word.normalize('NFD').replace(MARKS, '')
      for (const one of new Set([word, plain])) found.set(one, (found.get(one) ?? 0) | (1 << number))
    }
  }
  return found
}

const MARKS = /\p{M}/gu

const languages = new Map<number, Language>()

function languageBy(bits: number): Language {
  const known = languages.get(bits)
  if (known !== undefined) return known
  const grammars = GRAMMARS.filter((_, number) => (bits & (1 << number)) !== 0)
  const has = (words: ReadonlyMap<string, number>, raw: string): boolean =>
    ((words.get(compared(raw)) ?? 0) & bits) !== 0
  const made: Language = {
    english: false,
    isEmpty: (raw) => has(tables().empty, raw) || LONE_KANA.test(raw) || raw.toLowerCase() === 'upshift',
    isFaint: (raw) => has(tables().faint, raw),
    quantity: anyOf(grammars.map(({ quantity }) => quantity)),
    which: anyOf(
      grammars.map(({ which }) => which),
      ' +(?<rest>.+)',
    ),
    figure: anyOf(grammars.map(({ figure }) => figure)),
  }
  // As many as there are ties between languages; dropped whole at the bound.
  if (languages.size >= MAX_LANGUAGES) languages.clear()
  languages.set(bits, made)
  return made
}

const MAX_LANGUAGES = 64
/** One letter of hiragana is a particle or an ending. */
const LONE_KANA = /^\p{Script=Hiragana}$/u

/** Whole words of any of these patterns; scripts without spaces have none to be whole. */
function anyOf(patterns: readonly string[], then = ''): RegExp | undefined {
  const given = patterns.filter((pattern) => pattern !== '')
  if (given.length === 0) return undefined
  const spaceless = given.every((pattern) => hasSpaceless(pattern))
  const any = `(?:${given.join('|')})`
  return new RegExp(spaceless ? `${any}${then}` : `(?<![\\p{L}\\p{N}])${any}(?![\\p{L}\\p{N}])${then}`, 'iu')
}

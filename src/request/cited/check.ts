import type { Citation, Passage } from '../../contract/passage.ts'
import { languageOf } from '../../lib/text/language.ts'
import { hasSpaceless } from '../../lib/text/spaceless.ts'
import { wordsOf } from '../../lib/text/words.ts'
import type { Claim } from './read.ts'

/** A sentence that may be shown, with the citations that carry it. */
export interface Carried {
  readonly sentence: string
  readonly citations: readonly Citation[]
}

export interface Checked {
  readonly carried: readonly Carried[]
  /** Quotations that do not stand in the passage that they name. */
  readonly misquoted: number
  /** Sentences that no quotation carries. */
  readonly unsupported: number
}

/**
 * DESIGN. What a model says of its sources is believed in nothing. A quotation counts where its words stand, letter for
 * letter but for white space, in the very passage that it names; what is shown is the document's own slice. A
 * sentence stays where a quotation that counts is left, where every figure in it stands in its quotations, where half
 * of its telling words do (or in the question), and where it neither quotes other words nor names other sources. The
 * rest is removed. So no citation that is shown can be false; whether a sentence draws the right conclusion from what
 * it quotes is beyond code.
 */
export function check(claims: readonly Claim[], passages: readonly Passage[], question: string): Checked {
  const asked = stemsOf(question)
  let misquoted = 0
  let unsupported = 0
  const carried: Carried[] = []
  for (const { sentence, quotations } of claims) {
    const citations = quotations.flatMap(({ passage, words }) => {
      const found = locate(passages[passage - 1], words)
      if (found === undefined) misquoted++
      return found ?? []
    })
    if (citations.length > 0 && isCarried(sentence, citations, asked)) carried.push({ sentence, citations })
    else unsupported++
  }
  return { carried, misquoted, unsupported }
}

/** Shorter words stand anywhere. */
const MIN_WORDS = 3
const MIN_LETTERS = 10
/** One character of Chinese, Japanese or Thai says about as much as so many letters. */
const LETTERS_OF_SPACELESS = 2

/** The place of words in a passage; undefined where they do not stand there, or are too few to mean anything. */
function locate(passage: Passage | undefined, words: string): Citation | undefined {
  const wanted = words.trim().replace(/\s+/g, ' ')
  if (
    passage === undefined ||
    lettersOf(wanted) < MIN_LETTERS ||
    wordsOf(wanted, MIN_WORDS).length < MIN_WORDS
  )
    return undefined
  const { flat, places } = flattened(passage.text)
  const at = flat.indexOf(wanted)
  const from = places[at]
  const last = places[at + wanted.length - 1]
  if (at < 0 || from === undefined || last === undefined || splitsWord(flat, at, at + wanted.length))
    return undefined
  const [start, end] = [passage.start + from, passage.start + last + 1]
  const { document, headings, version, collection, page, readAt } = passage
  return {
    id: `${passage.id.slice(0, passage.id.lastIndexOf(':'))}:${start}-${end}`,
    document,
    headings,
    version,
    start,
    end,
    quote: passage.text.slice(from, last + 1),
    ...(collection === undefined ? {} : { collection }),
    ...(page === undefined ? {} : { page }),
    ...(readAt === undefined ? {} : { readAt }),
  }
}

function lettersOf(text: string): number {
  let letters = 0
  for (const character of text) letters += hasSpaceless(character) ? LETTERS_OF_SPACELESS : 1
  return letters
}

/** A text with its white space as single spaces, and where each of its units stood. */
function flattened(text: string): { flat: string; places: number[] } {
  const places: number[] = []
  let flat = ''
  for (let at = 0; at < text.length; at++) {
    const space = /\s/.test(text[at] ?? '')
    if (space && flat.endsWith(' ')) continue
    flat += space ? ' ' : text[at]
    places.push(at)
  }
  return { flat, places }
}

const LETTER = /[\p{L}\p{N}]/u

/** "not able" must not be quoted from "cannot able". Where no space parts words, the dictionary says where they end. */
function splitsWord(text: string, start: number, end: number): boolean {
  const words = hasSpaceless(text.slice(start, end)) ? wordsOf(text) : undefined
  const inside = (at: number): boolean =>
    LETTER.test(text[at - 1] ?? ' ') &&
    LETTER.test(text[at] ?? ' ') &&
    (words === undefined || words.some((word) => word.start < at && at < word.end))
  return inside(start) || inside(end)
}

const FIGURE = /\p{N}+(?:[.,:]\p{N}+)*/gu
/** Words in quotation marks, and names of files. */
const QUOTED = /["“”«»]([^"“”«»]{2,400})["“”«»]/gu
const NAMED = /(?<![\w/])[\w-]+\.(?:md|txt|html?|pdf|docx?|pptx?|xlsx?|csv|json|eml)\b/giu
const ADDRESS = /\bhttps?:\/\/[^\s)\]]+/giu
/** What looks like a citation and is none that was checked. */
const CITES = /\[\s*(?:passage\s*)?\d|\d+\s*\]|@[0-9a-f]{6,}:|\((?:see|source|cf\.)/i
/** Share of a sentence's telling words that its quotations or the question must hold. */
const SAID = 0.5

function isCarried(sentence: string, citations: readonly Citation[], asked: ReadonlySet<string>): boolean {
  if (CITES.test(sentence)) return false
  const quotes = citations.map(({ quote }) => quote.replace(/\s+/g, ' '))
  const quoted = quotes.join('\n')
  const figures = new Set(figuresIn(quoted))
  if (figuresIn(sentence).some((figure) => !figures.has(figure))) return false
  const others = [...sentence.matchAll(QUOTED)].map(([, words]) => (words ?? '').replace(/\s+/g, ' ').trim())
  if (others.some((words) => !quoted.includes(words))) return false
  const documents = citations.map(({ document }) => document.toLowerCase())
  const named = [...(sentence.match(NAMED) ?? []), ...(sentence.match(ADDRESS) ?? [])]
  if (
    named.some((name) => !quoted.includes(name) && !documents.some((one) => one.endsWith(name.toLowerCase())))
  )
    return false
  const said = stemsOf(quoted)
  const telling = [...stemsOf(sentence)]
  const known = telling.filter((stem) => said.has(stem) || asked.has(stem)).length
  return telling.length === 0 || known / telling.length >= SAID
}

/** The figures of a text, as they are written. */
export function figuresIn(text: string): readonly string[] {
  return text.match(FIGURE) ?? []
}

/** The telling words of a text, as they are compared. */
export function stemsOf(text: string): Set<string> {
  const { isEmpty } = languageOf(text)
  return new Set(wordsOf(text).flatMap(({ raw, stem }) => (isEmpty(raw) ? [] : [stem])))
}

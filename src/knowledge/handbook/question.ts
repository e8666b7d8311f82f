import { isEverydayStem } from '../../lib/text/everyday.ts'
import { ENGLISH, type Language, languageOf } from '../../lib/text/language.ts'
import { stemOf, type Word, wordsOf } from '../../lib/text/words.ts'
import { PHRASES } from './concepts.ts'
import { type Alternative, synonyms } from './synonyms.ts'

/**
 * DESIGN. What a question asks, read without a grammar. Strangers set a scene ("My box sits in the basement.
 * Why is it not found?"), so the sentences that end in a question mark are the asked ones, and the others only
 * lend their words at less weight. Of the asked sentence three things are read by its form: what it wants
 * defined, whether it wants a quantity, and the words that it hinges on: the noun behind "which" or "how
 * many", the verb behind "how do I". A passage that lacks those answers another question. Of a question in another
 * language (lib/text/language.ts) only its function words, "how many" and "which" are known.
 */

/** One telling word of a question. */
export interface Term {
  readonly raw: string
  readonly stem: string
  /** Words that may stand for it. */
  readonly alternatives: readonly Alternative[]
  /** A word that says how one speaks: it weighs little whether it is found or not. */
  readonly faint: boolean
  /** An everyday word: a text may well do without it. */
  readonly everyday: boolean
  /** Looks like a name or a number: has a digit, or a capital that does not begin a sentence. */
  readonly named: boolean
  /** Stands in a sentence that sets the scene. */
  readonly context: boolean
  /** The question hinges on it. */
  readonly focus: boolean
}

export interface Question {
  readonly language: Language
  readonly terms: readonly Term[]
  /** Stems of what a definition is asked of, joined by spaces; empty where none is. */
  readonly defined: string
  /** Asks how many, how long, which port: only a figure answers it. */
  readonly quantity: boolean
  /** Names as they are written in configurations, codes and listings, in lower case: `max_tokens`, `sigterm`. */
  readonly identifiers: readonly string[]
}

/** What is read of a question: longer ones are cut, in UTF-16 units and in terms. */
const MAX_QUESTION_SIZE = 2_000
export const MAX_TERMS = 32
const MAX_IDENTIFIERS = 8

export function readQuestion(text: string): Question {
  const bounded = text.slice(0, MAX_QUESTION_SIZE)
  const language = languageOf(bounded)
  const sentences = bounded.split(SENTENCE_BREAK).filter((one) => one.trim() !== '')
  const questions = sentences.filter((one) => ASKS.test(one))
  const asked = new Set(questions.length > 0 ? questions : sentences.slice(-1))
  const terms = new Map<string, Term>()
  // The asked sentences first: a word that stands in both is an asked one.
  for (const sentence of [...asked, ...sentences.filter((one) => !asked.has(one))]) {
    addTerms(terms, sentence, language, !asked.has(sentence))
  }
  const last = [...asked].at(-1) ?? ''
  const found = [...terms.values()]
  // "Cap hit at noon. What now?" asks with nothing but faint words: then the scene is the question.
  const told = found.some(
    (term) => !term.context && !term.faint && (!term.everyday || term.alternatives.length > 0),
  )
  return {
    language,
    terms: told ? found : found.map((term) => ({ ...term, context: false })),
    defined: subjectOf(last, language),
    quantity: [...asked].some((one) => quantityIn(language).test(one)),
    identifiers: identifiersIn(bounded),
  }
}

const SENTENCE_BREAK = /(?<=[.?!])\s+|(?<=[。？！])|\n+/
const ASKS = /[?？]\s*$/

function addTerms(terms: Map<string, Term>, sentence: string, language: Language, context: boolean): void {
  const focus = context ? new Set<string>() : focusOf(sentence, language)
  for (const code of codesIn(sentence)) {
    if (terms.size < MAX_TERMS) terms.set(code, { ...CODE, raw: code, stem: code })
  }
  // A code's own parts only lend their weight: the code as a whole is what is asked for.
  const parts = new Set(codesIn(sentence).flatMap((code) => wordsOf(code).map((word) => word.stem)))
  const spoken = language.english ? spelledOut(sentence) : withoutQuantity(sentence, language)
  for (const [index, word] of wordsOf(spoken).entries()) {
    if (terms.size >= MAX_TERMS) return
    if (language.isEmpty(word.raw) || terms.has(word.stem)) continue
    terms.set(word.stem, {
      raw: word.raw,
      stem: word.stem,
      alternatives: language.english ? (synonyms().get(word.stem) ?? []) : [],
      faint: language.isFaint(word.raw),
      everyday: language.english && isEverydayStem(word.stem),
      named: /\p{N}/u.test(word.raw) || (index > 0 && /^\p{Lu}/u.test(word.raw)),
      context: context || parts.has(word.stem),
      focus: focus.has(word.stem),
    })
  }
}

/** A code is never mere scene: who quotes one asks about it. */
const CODE = { alternatives: [], faint: false, everyday: false, named: true, context: false, focus: false }
const CODES =
  /(?<![\w.])(?:--[a-z][a-z-]+|[a-z][a-z0-9]*(?:\.[a-z][A-Za-z0-9]*)+|[a-z0-9]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z]+)+|[a-z]+[A-Z][A-Za-z]+)(?![\w])/g

/** Names of settings, error codes, flags and fields as they are written, in lower case: `server.drainMs`. */
export function codesIn(text: string): string[] {
  return [...text.matchAll(CODES)].map((match) => match[0].toLowerCase())
}

/** Phrases that mean more than their words, with the one word behind them: "roll back downgrade". */
function spelledOut(sentence: string): string {
  let text = sentence
  for (const [pattern, word] of PHRASES) text = text.replace(pattern, (found) => `${found} ${word} `)
  return text
}

const QUANTITY =
  /\bhow (?:many|much|long|often|far|big|large|deep|high|old)\b|\b(?:which|what) (?:port|size|number|percentage|share|factor|interval|amount|length|depth|fraction)\b/i

function quantityIn({ quantity }: Language): RegExp {
  return quantity ?? QUANTITY
}

/** "How often" asks for a figure, and a text that has it need not say "often". */
function withoutQuantity(sentence: string, { quantity }: Language): string {
  return quantity === undefined ? sentence : sentence.replace(quantity, ' ')
}

/** What the words after these patterns say is what the question hinges on, up to the next empty word. */
const FOCUS: readonly RegExp[] = [
  /\b(?:which|what|how many|how much|how long|how often|by what|at what|name of (?:the|an?)?) +(.+)/i,
  /\b(?:is|are) there (?:an? |any )?(.+)/i,
  /\b(?:does|do) (?:it|you|upshift) (?:have|support|offer|provide|integrate with|work with) (?:an? |any |the )?(.+)/i,
  /\bhow (?:do|can|could|would|should|does) (?:i|we|you|one|it|upshift) (.+)/i,
  /\bhow to (.+)/i,
  /\b(?:can|could|may) (?:i|we|you|one|it|upshift) (.+)/i,
  /\b(?:can|could|may|will|should) (?:[\w'’-]+ ){1,4}be (.+)/i,
]

function focusOf(sentence: string, language: Language): Set<string> {
  if (!language.english) return new Set(hingeOf(sentence, language))
  const found = new Set<string>()
  for (const pattern of FOCUS) {
    const rest = pattern.exec(sentence)?.[1]
    if (rest === undefined) continue
    for (const stem of leadingStems(rest)) found.add(stem)
  }
  return found
}

/** In another language: the first word of a subject behind "which" or "how many". */
function hingeOf(sentence: string, { which, quantity, isEmpty, isFaint }: Language): readonly string[] {
  if (which === undefined) return []
  const many = quantity?.exec(sentence)
  const rest = many ? sentence.slice(many.index + many[0].length) : which.exec(sentence)?.groups?.['rest']
  const first = wordsOf(rest ?? '', MAX_TERMS).find(({ raw }) => !isEmpty(raw))
  return first === undefined || isFaint(first.raw) ? [] : [first.stem]
}

const ARTICLE = /^(?:an?|the|my|our|your|its|his|her|their)$/i

/**
 * The words at the beginning up to the first empty one: "change the font of" is about a font that is changed.
 * Empty words before the first are passed over, and so is one article.
 */
function leadingStems(text: string): string[] {
  const stems: string[] = []
  let articles = 0
  for (const word of wordsOf(text, MAX_TERMS)) {
    if (!ENGLISH.isEmpty(word.raw)) stems.push(word.stem)
    else if (stems.length > 0 && (!ARTICLE.test(word.raw) || articles++ > 0)) break
  }
  return stems
}

const DEFINITION: readonly RegExp[] = [
  /\b(?:meaning|definition) of (?:an? |the |the word |the term )?(.+?)\W*$/i,
  /^(?:.*, )?(?:please )?(?:define|explain)(?: the term| the word| me)?(?: what)? (?:an? |the )?(.+?)(?: is| are| means?)?\W*$/i,
  /^(?:.*, |so |and |ok |okay |hey )?what(?:'s|’s| is| are)? (?!do(?:es)? )(?:exactly |precisely )?(?:is |are )?(?:meant by |understood by |called )?(?:an? |the )?(.+?)(?: mean| stand for| in (?:upshift|this|your|plain|one|a|simple|short)\b.*|,.*)?\W*$/i,
  /^(?:.*, |so |and |ok |okay |hey )?what do(?:es)? (?:an? |the )?(.+?) (?:mean|stand for)\b.*$/i,
  /^(?:an? |the )?([\w-]+(?: [\w-]+){0,2})\W*$/i,
]
const MAX_SUBJECT = 4

/** "Define lease", "what is a batch", "Scope?": the stems of the thing, joined; empty where nothing is to be defined. */
function subjectOf(sentence: string, language: Language): string {
  const text = sentence.trim()
  for (const pattern of DEFINITION) {
    const subject = pattern.exec(text)?.[1]
    if (subject === undefined) continue
    const stems = subjectStems(wordsOf(subject), language)
    if (stems !== '') return stems
  }
  return ''
}

/** How a thing's name is compared: its telling words, stemmed; empty for a name of too many words. */
export function subjectStems(words: readonly Word[], { isEmpty }: Language): string {
  const telling = words.filter((word) => !isEmpty(word.raw))
  return telling.length === 0 || telling.length > MAX_SUBJECT
    ? ''
    : telling.map((word) => word.stem).join(' ')
}

const IDENTIFIER =
  /`([^`\s]{2,60})`|(?<![\w.])(--?[a-z][a-z-]+|[\p{L}\p{N}]+(?:[_./:][\p{L}\p{N}*]+)+|[A-Z][A-Z0-9_]{3,}|\d{3,}|[a-z]+[A-Z]\w+)(?!\w)/gu

function identifiersIn(text: string): string[] {
  const found = new Set<string>()
  for (const match of text.matchAll(IDENTIFIER)) {
    if (found.size >= MAX_IDENTIFIERS) break
    found.add((match[1] ?? match[2] ?? '').toLowerCase())
  }
  for (const match of text.matchAll(
    /\b(?:exit|status|return|error) (?:code |status |value )?(\d{1,3})\b/gi,
  )) {
    if (found.size < MAX_IDENTIFIERS && match[1] !== undefined) found.add(match[1])
  }
  return [...found]
}

/**
 * The terms as a full-text query. Every word is a quoted string, so nothing in a question can act as FTS5
 * syntax. Null where there is nothing to look for.
 */
export function matchExpression(terms: readonly Term[]): string | null {
  const words = new Set(
    terms.flatMap((term) => [term.raw.toLowerCase(), ...term.alternatives.map((one) => one.raw)]),
  )
  return words.size === 0 ? null : [...words].map((word) => `"${word.replaceAll('"', '""')}"`).join(' OR ')
}

/** Halves of a compound, to be looked for where the documents do not know the whole. */
export function alternativesOf(parts: readonly string[]): Alternative[] {
  return parts.map((raw) => ({ raw, stem: stemOf(raw) }))
}

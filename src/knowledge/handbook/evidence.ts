import { ENGLISH, type Language } from '../../lib/text/language.ts'
import { type Sentence, sentencesOf } from '../../lib/text/sentences.ts'
import { wordsOf } from '../../lib/text/words.ts'
import { codesIn, type Question, subjectStems, type Term } from './question.ts'

/**
 * DESIGN. What speaks for a passage as the answer to a question, in a few measures. Evidence is a window of up
 * to three neighbouring sentences of one passage, and the headings and asked-for phrases above it: words that
 * are scattered over a page are no evidence. Finding a word and missing it are weighed apart: a rare word that
 * is found is strong evidence for, but an everyday word that is missing is hardly any against.
 */

/** Distinct words of a heading or a sentence: a few, which a list of takes a fifth of what a set does. */
type Stems = readonly string[]

/** What is known of a passage before any question is asked. */
export interface Analysis {
  /** Stems of the headings, the document's title included. */
  readonly headings: Stems
  /** The headings and the phrases by which the text is asked for, without the words that carry no subject. */
  readonly phrases: readonly Stems[]
  readonly sentences: readonly Telling[]
  /** Headings, asked-for words and text in lower case: where identifiers are looked for. */
  readonly plain: string
  /** What the passage defines: its own heading, and what stands before "is" where a sentence begins. */
  readonly defines: ReadonlySet<string>
}

interface Telling extends Sentence {
  readonly has: Stems
  /** Holds a figure, a number word or a listing. */
  readonly figure: boolean
}

/** A question's term with its weights among these documents. */
export interface WeightedTerm extends Term {
  /** What finding it is worth. */
  readonly weight: number
  /** What missing it costs. */
  readonly loss: number
  /** Neither the word nor one that may stand for it occurs in any document. */
  readonly unknown: boolean
}

/** Measures of one passage's best window, each from 0 to 1. */
export interface Evidence {
  /** Share of the question's weight that the window, the headings and all asked-for phrases together cover. */
  readonly coverage: number
  /** Share that the window's own sentences cover. */
  readonly body: number
  /** Share that the headings and the nearest asked-for phrase cover. */
  readonly heading: number
  /** How nearly the question is one of the phrases by which the text is asked for (harmonic mean of both shares). */
  readonly phrase: number
  /** How much of one such phrase stands in the question, however much else the question says. */
  readonly contained: number
  /** How much was matched at all, whatever the question's length: two words of every day prove little. */
  readonly mass: number
  /** The greatest loss among the words that the question hinges on and that neither window nor headings show. */
  readonly unquoted: number
  /** Specific words, neither everyday nor faint, that no document knows; three count as all. */
  readonly unknowns: number
  /** The question asks for the meaning of something that the passage defines. */
  readonly defines: number
  /** A quantity is asked for and the window holds no figure. */
  readonly figureless: number
  /** Share of the question's identifiers that stand in the passage as they are written. */
  readonly identifiers: number
}

export type Measure = keyof Evidence

/** Sentences of one window. */
const WINDOW = 3
/** A word that merely may stand for the asked one counts for less, and so does one in a heading. */
const ALTERNATIVE_CREDIT = 0.75
const ABOUT_CREDIT = 0.9
/** A listing shows an example; it states nothing. */
const LISTING_CREDIT = 0.7
/** Matched weight at which half of the doubt is gone that anything was matched: about one rare word. */
const HALF_MASS = 4
/** The greatest weight of a term: rarer is not more telling. */
export const MAX_WEIGHT = 4

const FIGURE =
  /\p{N}|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundreds?|thousands?|millions?|half|once|twice|single|midnight|nothing)\b/iu
const SUBJECT = /^(?:an? |the )?((?:[\w`'-]+ ){0,3}[\w`'-]+) (?:is|are|means|says|consists|holds)\b/i

/**
 * `language` is that of the question where it is known: a few words of a passage may not tell their own. `once` gives
 * the string to keep for a stem, so that a caller who keeps many analyses need not keep a common word in each.
 */
export function analyse(
  headings: readonly string[],
  asked: string,
  text: string,
  language: Language = ENGLISH,
  once = (stem: string): string => stem,
): Analysis {
  const distinct = (stems: Iterable<string>): Stems => [...new Set(stems)].map((stem) => once(stem))
  const phrases = [...headings, ...asked.split(/[,;]/)].map((one) => distinct(telling(one, language)))
  const defines = new Set<string>([subjectStems(wordsOf(headings.at(-1) ?? ''), language)])
  const sentences = sentencesOf(text).map((sentence): Telling => {
    const own = text.slice(sentence.start, sentence.end)
    const subject = SUBJECT.exec(own)?.[1]
    if (subject !== undefined) defines.add(subjectStems(wordsOf(subject), language))
    return {
      ...sentence,
      has: distinct([...wordsOf(own).map((word) => word.stem), ...codesIn(own)]),
      figure: sentence.type === 'code' || FIGURE.test(own) || language.figure?.test(own) === true,
    }
  })
  const plain = `${headings.join('\n')}\n${asked}\n${text}`.toLowerCase()
  defines.delete('')
  return {
    headings: distinct(headings.flatMap((one) => telling(one, language))),
    phrases,
    sentences,
    plain,
    defines,
  }
}

function telling(text: string, { isEmpty }: Language): string[] {
  return [...wordsOf(text).flatMap((word) => (isEmpty(word.raw) ? [] : [word.stem])), ...codesIn(text)]
}

/** The best window of one passage. */
export interface Found {
  readonly evidence: Evidence
  /** UTF-16 offsets into the passage: the sentences of the window that the question's words stand in. */
  readonly start: number
  readonly end: number
}

/** The best window's evidence for a question over one passage. */
export function evidenceOf(question: Question, terms: readonly WeightedTerm[], passage: Analysis): Found {
  const phrase = bestPhrase(terms, passage)
  const inHeadings = terms.map(
    (term) => Math.max(creditIn(term, passage.headings), creditIn(term, phrase.stems)) * ABOUT_CREDIT,
  )
  const bySentence = passage.sentences.map((sentence) => {
    const credit = sentence.type === 'code' ? LISTING_CREDIT : 1
    return terms.map((term) => creditIn(term, sentence.has) * credit)
  })
  let best = { worth: -1, first: 0 }
  for (let first = 0; first < bySentence.length; first++) {
    const window = windowAt(passage, first)
    const figure = question.quantity && window.some((at) => passage.sentences[at]?.figure === true)
    let worth = figure ? FIGURE_WORTH : 0
    for (const [index, term] of terms.entries()) {
      let credit = 0
      for (const at of window) credit = Math.max(credit, bySentence[at]?.[index] ?? 0)
      worth += term.weight * (credit + Math.max(credit, inHeadings[index] ?? 0))
    }
    if (worth > best.worth + 1e-9) best = { worth, first }
  }
  const window = windowAt(passage, best.first)
  const inBody = terms.map((_, index) => Math.max(0, ...window.map((at) => bySentence[at]?.[index] ?? 0)))
  return {
    evidence: measure({ question, terms, inBody, inHeadings, passage, window, phrase }),
    ...focusOf(terms, passage, bySentence, window),
  }
}

/** A figure in the window, where a quantity is asked for, is worth this much weight. */
const FIGURE_WORTH = 2

/** The sentences of the window that begins here; the rows of a table speak of different things. */
function windowAt(passage: Analysis, first: number): number[] {
  const size = passage.sentences[first]?.type === 'table' ? 1 : WINDOW
  return Array.from({ length: size }, (_, index) => first + index).filter(
    (at) => at < passage.sentences.length,
  )
}

/** The window without the sentences at its ends that add no word. */
function focusOf(
  terms: readonly WeightedTerm[],
  passage: Analysis,
  bySentence: readonly (readonly number[])[],
  window: readonly number[],
): { start: number; end: number } {
  const worth = (at: number): number =>
    sum(terms.map((term, index) => term.weight * (bySentence[at]?.[index] ?? 0)))
  const least = Math.max(0, ...window.map(worth)) * TELLING_SHARE
  const kept = window.filter((at) => least > 0 && worth(at) >= least)
  const first = passage.sentences[kept[0] ?? window[0] ?? 0]
  const last = passage.sentences[kept.at(-1) ?? window[0] ?? 0]
  return { start: first?.start ?? 0, end: last?.end ?? 0 }
}

/** A sentence at a window's end stays if it is worth this share of the best one. */
const TELLING_SHARE = 0.35

function creditIn(term: Term, stems: Stems): number {
  if (stems.includes(term.stem)) return 1
  for (const one of term.alternatives) if (stems.includes(one.stem)) return ALTERNATIVE_CREDIT
  return 0
}

const NO_STEMS: Stems = []

/** Everything that the measures are taken of; the credits are by term. */
interface Scene {
  readonly question: Question
  readonly terms: readonly WeightedTerm[]
  readonly inBody: readonly number[]
  readonly inHeadings: readonly number[]
  readonly passage: Analysis
  readonly window: readonly number[]
  readonly phrase: Phrase
}

function measure({ question, terms, inBody, inHeadings, passage, window, phrase }: Scene): Evidence {
  const covered = terms.map((_, index) => Math.max(inBody[index] ?? 0, inHeadings[index] ?? 0))
  const lostOf = (credits: readonly number[], index: number): number =>
    (credits[index] ?? 0) === 0 ? (terms[index]?.loss ?? 0) / MAX_WEIGHT : 0
  const mass = sum(terms.map((term, index) => term.weight * (covered[index] ?? 0)))
  const focus = terms.flatMap((term, index) => (term.focus && !term.faint ? [index] : []))
  const named = question.identifiers.filter((one) => passage.plain.includes(one)).length
  const figure = window.some((at) => passage.sentences[at]?.figure === true)
  const shown = terms.map((term, index) => Math.max(inBody[index] ?? 0, creditIn(term, passage.headings)))
  const loose = terms.map((term, index) => Math.max(covered[index] ?? 0, creditInAny(term, passage.phrases)))
  return {
    body: share(terms, inBody),
    coverage: share(terms, loose),
    heading: share(terms, inHeadings),
    phrase: phrase.likeness,
    contained: phrase.contained,
    mass: mass / (mass + HALF_MASS),
    unquoted: Math.max(0, ...focus.map((index) => lostOf(shown, index))),
    unknowns: Math.min(3, terms.filter((term) => term.unknown && !term.faint && !term.everyday).length) / 3,
    defines: question.defined !== '' && passage.defines.has(question.defined) ? 1 : 0,
    figureless: question.quantity && !figure ? 1 : 0,
    identifiers: question.identifiers.length === 0 ? 0 : named / question.identifiers.length,
  }
}

function creditInAny(term: Term, phrases: readonly Stems[]): number {
  let best = 0
  for (const phrase of phrases) best = Math.max(best, creditIn(term, phrase))
  return best
}

/** What was found of what could have been: a missing term counts by its loss, a found one by its weight. */
function share(terms: readonly WeightedTerm[], credits: readonly number[]): number {
  let found = 0
  let all = 0
  for (const [index, term] of terms.entries()) {
    const credit = credits[index] ?? 0
    found += term.weight * credit
    all += credit > 0 ? term.weight : term.loss
  }
  return all === 0 ? 0 : found / all
}

interface Phrase {
  readonly stems: Stems
  readonly likeness: number
  readonly contained: number
}

/**
 * The heading or asked-for phrase that is nearest to the question, by F1 of the question's weight that the
 * phrase covers and of the phrase's words that the question covers. Only one phrase counts as evidence: words
 * that are scattered over many phrases are no more a question than words scattered over a page are an answer.
 */
function bestPhrase(terms: readonly WeightedTerm[], passage: Analysis): Phrase {
  const found = new Float64Array(passage.phrases.length)
  const spared = new Float64Array(passage.phrases.length)
  const met = new Uint16Array(passage.phrases.length)
  const seen = new Set<string>()
  let losses = 0
  for (const term of terms) {
    losses += term.loss
    const credited = new Set<number>()
    for (const [order, { stem }] of [term, ...term.alternatives].entries()) {
      const first = !seen.has(stem)
      seen.add(stem)
      for (const [number, phrase] of passage.phrases.entries()) {
        if (!phrase.includes(stem)) continue
        if (first) met[number] = (met[number] ?? 0) + 1
        if (credited.has(number)) continue
        credited.add(number)
        found[number] = (found[number] ?? 0) + term.weight * (order === 0 ? 1 : ALTERNATIVE_CREDIT)
        spared[number] = (spared[number] ?? 0) + term.weight - term.loss
      }
    }
  }
  let best = { number: -1, likeness: 0 }
  let contained = 0
  for (const [number, weight] of found.entries()) {
    if (weight === 0) continue
    const recall = weight / (losses + (spared[number] ?? 0))
    const precision = (met[number] ?? 0) / (passage.phrases[number]?.length ?? 1)
    const likeness = (2 * recall * precision) / (recall + precision)
    contained = Math.max(contained, (precision * weight) / (weight + HALF_MASS))
    if (likeness > best.likeness) best = { number, likeness }
  }
  return { stems: passage.phrases[best.number] ?? NO_STEMS, likeness: best.likeness, contained }
}

function sum(numbers: readonly number[]): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

import { type Sentence, sentencesOf } from '../lib/text/sentences.ts'
import { isEmptyWord, wordsOf } from '../lib/text/words.ts'
import type { Term } from './question.ts'

/**
 * DESIGN. How far a passage supports a question, from 0 to 1, without a model. Rank says which passage is
 * nearest; it does not say whether the nearest is near enough, and a near miss ("How do I set the Redis
 * password?") ranks as well as a question that the handbook answers. So support is judged apart from rank:
 *
 *   1. Each telling word of the question weighs its rarity (inverse document frequency); words of every day
 *      weigh a fraction; a word that stands nowhere in the handbook weighs the most.
 *   2. Evidence is a window of up to three neighbouring sentences of one passage, and the headings above it:
 *      words that are scattered over a page are no evidence.
 *   3. What is measured of the best window (`Evidence`) goes through a logistic function whose weights were
 *      fitted on the development questions of bench/handbook-dev.jsonl, never on the test questions.
 */

/** What is known of a passage before any question is asked. */
export interface Analysis {
  /** Stems of the headings, the document's title included, and of the words by which the text is asked for. */
  readonly about: ReadonlySet<string>
  /** The same, as the separate phrases that they come from, without the words that carry no subject. */
  readonly phrases: readonly (readonly string[])[]
  readonly sentences: readonly (Sentence & { readonly stems: readonly string[] })[]
}

/** A question's term with its weight among these documents. */
export interface WeightedTerm extends Term {
  readonly weight: number
  /** Neither the word nor one that may stand for it occurs in any document. */
  readonly unknown: boolean
}

/** Measures of one passage's best window, each from 0 to 1 except `unknowns` and `names`, which count. */
export interface Evidence {
  /** Share of the question's weight that the window and its headings cover. */
  readonly coverage: number
  /** Share that the window's own sentences cover. */
  readonly body: number
  /** Share of the question's weight that the headings cover. */
  readonly heading: number
  /** How nearly the question is one of the phrases by which the text is asked for (harmonic mean of both shares). */
  readonly phrase: number
  /** Share of neighbouring pairs of telling words that stand near each other in the window or the headings. */
  readonly pairs: number
  /** Share of the weight that no document knows. */
  readonly unknown: number
  /** Unknown words that are no words of every day. */
  readonly unknowns: number
  /** Unknown or uncovered names and numbers. */
  readonly names: number
  /** How much was matched at all, whatever the question's length: two words of every day prove little. */
  readonly mass: number
  /** The heaviest term that the window and headings leave uncovered, as a share of the greatest weight. */
  readonly gap: number
}

/** Sentences of one window. */
const WINDOW = 3
/** A word that merely may stand for the asked one counts for less, and so does one in a heading. */
const ALTERNATIVE_CREDIT = 0.7
const ABOUT_CREDIT = 0.9
/** A listing shows an example; it states nothing. */
const LISTING_CREDIT = 0.7
/** Matched weight from which there is no doubt that something was matched: about one uncommon word. */
const ENOUGH = 5
/** Words between two that still stand near each other. */
const NEAR = 6

export function analyse(headings: readonly string[], asked: string, text: string): Analysis {
  const phrases = [...headings, ...asked.split(/[,;]/)].map((one) =>
    wordsOf(one).flatMap((word) => (isEmptyWord(word.raw) ? [] : [word.stem])),
  )
  return {
    about: new Set(phrases.flat()),
    phrases,
    sentences: sentencesOf(text).map((sentence) => ({
      ...sentence,
      stems: wordsOf(text.slice(sentence.start, sentence.end)).map((word) => word.stem),
    })),
  }
}

/** The best window of one passage. */
export interface Found {
  readonly evidence: Evidence
  /** UTF-16 offsets into the passage: the sentences of the window that the question's words stand in. */
  readonly start: number
  readonly end: number
}

/** The best window's evidence for a question over one passage. */
export function evidenceOf(terms: readonly WeightedTerm[], passage: Analysis): Found {
  const inHeadings = terms.map((term) => creditIn(term, (stem) => passage.about.has(stem)) * ABOUT_CREDIT)
  const bySentence = passage.sentences.map((sentence) => {
    const stems = new Set(sentence.stems)
    const credit = sentence.type === 'code' ? LISTING_CREDIT : 1
    return terms.map((term) => creditIn(term, (stem) => stems.has(stem)) * credit)
  })
  let best = { evidence: NO_EVIDENCE, first: 0 }
  for (let first = 0; first < bySentence.length; first++) {
    // The rows of a table speak of different things.
    const size = passage.sentences[first]?.type === 'table' ? 1 : WINDOW
    const window = bySentence.slice(first, first + size)
    const stems = passage.sentences.slice(first, first + size).flatMap((sentence) => sentence.stems)
    const inBody = terms.map((_, index) => Math.max(0, ...window.map((credits) => credits[index] ?? 0)))
    const evidence = measure(terms, inBody, inHeadings, stems, passage.phrases)
    if (first === 0 || strength(evidence) > strength(best.evidence)) best = { evidence, first }
  }
  return { evidence: best.evidence, ...focusOf(terms, passage, bySentence, best.first) }
}

/** The window without the sentences at its ends that add no word. */
function focusOf(
  terms: readonly WeightedTerm[],
  passage: Analysis,
  bySentence: readonly (readonly number[])[],
  from: number,
): { start: number; end: number } {
  const worth = (at: number): number =>
    sum(terms.map((term, index) => term.weight * (bySentence[at]?.[index] ?? 0)))
  const reach = passage.sentences[from]?.type === 'table' ? [from] : [from, from + 1, from + 2]
  const window = reach.filter((at) => at < bySentence.length)
  const telling = Math.max(0, ...window.map(worth)) * TELLING_SHARE
  const kept = window.filter((at) => telling > 0 && worth(at) >= telling)
  const first = passage.sentences[kept[0] ?? from]
  const last = passage.sentences[kept.at(-1) ?? from]
  return { start: first?.start ?? 0, end: last?.end ?? 0 }
}

/** A sentence at a window's end stays if it is worth this share of the best one. */
const TELLING_SHARE = 0.35

const NO_EVIDENCE: Evidence = {
  coverage: 0,
  body: 0,
  heading: 0,
  phrase: 0,
  pairs: 0,
  unknown: 1,
  unknowns: -0.8,
  names: 0,
  mass: 0,
  gap: 1,
}

function creditIn(term: Term, has: (stem: string) => boolean): number {
  if (has(term.stem)) return 1
  return term.alternatives.some((one) => has(one.stem)) ? ALTERNATIVE_CREDIT : 0
}

function measure(
  terms: readonly WeightedTerm[],
  inBody: readonly number[],
  inHeadings: readonly number[],
  stems: readonly string[],
  phrases: readonly (readonly string[])[],
): Evidence {
  const total = sum(terms.map((term) => term.weight))
  if (total === 0) return NO_EVIDENCE
  const covered = terms.map((_, index) => Math.max(inBody[index] ?? 0, inHeadings[index] ?? 0))
  const share = (credits: readonly number[]): number =>
    sum(terms.map((term, index) => term.weight * (credits[index] ?? 0))) / total
  const heaviest = Math.max(...terms.map((term) => term.weight))
  return {
    coverage: share(covered),
    body: share(inBody),
    heading: share(inHeadings),
    phrase: Math.max(0, ...phrases.map((phrase) => likeness(terms, phrase, total))),
    pairs: pairShare(terms, [stems, ...phrases]),
    mass: Math.min(1, sum(terms.map((term, index) => term.weight * (covered[index] ?? 0))) / ENOUGH),
    unknown: sum(terms.map((term) => (term.unknown ? term.weight : 0))) / total,
    unknowns: terms.filter((term) => term.unknown && !term.faint).length,
    names: terms.filter((term, index) => term.named && (covered[index] ?? 0) === 0).length,
    gap: Math.max(...terms.map((term, index) => ((covered[index] ?? 0) === 0 ? term.weight : 0))) / heaviest,
  }
}

/** F1 of the question's weight that the phrase covers and the phrase's words that the question covers. */
function likeness(terms: readonly WeightedTerm[], phrase: readonly string[], total: number): number {
  if (phrase.length === 0) return 0
  let weight = 0
  const met = new Set<string>()
  for (const term of terms) {
    const credit = creditIn(term, (stem) => {
      const here = phrase.includes(stem)
      if (here) met.add(stem)
      return here
    })
    weight += term.weight * credit
  }
  const recall = weight / total
  const precision = met.size / new Set(phrase).size
  return recall + precision === 0 ? 0 : (2 * recall * precision) / (recall + precision)
}

/** Question words that belong together ("daily cap") should stand together. One telling word alone counts as met. */
function pairShare(terms: readonly WeightedTerm[], texts: readonly (readonly string[])[]): number {
  if (terms.length < 2) return 1
  let near = 0
  let all = 0
  for (let index = 1; index < terms.length; index++) {
    const left = terms[index - 1]
    const right = terms[index]
    if (left === undefined || right === undefined) continue
    const weight = Math.min(left.weight, right.weight)
    all += weight
    if (texts.some((stems) => standNear(left, right, stems))) near += weight
  }
  return all === 0 ? 0 : near / all
}

function standNear(left: Term, right: Term, stems: readonly string[]): boolean {
  let lastLeft = Number.NEGATIVE_INFINITY
  let lastRight = Number.NEGATIVE_INFINITY
  for (const [at, stem] of stems.entries()) {
    if (stem === left.stem || left.alternatives.some((one) => one.stem === stem)) lastLeft = at
    if (stem === right.stem || right.alternatives.some((one) => one.stem === stem)) lastRight = at
    if (Math.abs(lastLeft - lastRight) <= NEAR) return true
  }
  return false
}

/** Orders windows of one passage. */
function strength(evidence: Evidence): number {
  return evidence.coverage + 0.3 * evidence.pairs + 0.2 * evidence.body
}

function sum(numbers: readonly number[]): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

/** Fitted on the development questions; 0.5 is where a passage begins to be worth quoting. */
const WEIGHTS = {
  bias: -6,
  coverage: 2.6,
  body: 2.2,
  heading: 1.2,
  phrase: 2.2,
  pairs: 0.4,
  unknown: -1,
  unknowns: -0.8,
  names: -1,
  gap: -0.1,
  mass: 1.8,
} as const

/** 0–1. */
export function supportOf(evidence: Evidence): number {
  const sumOfWeights =
    WEIGHTS.bias +
    WEIGHTS.coverage * evidence.coverage +
    WEIGHTS.body * evidence.body +
    WEIGHTS.heading * evidence.heading +
    WEIGHTS.phrase * evidence.phrase +
    WEIGHTS.pairs * evidence.pairs +
    WEIGHTS.unknown * evidence.unknown +
    WEIGHTS.unknowns * Math.min(3, evidence.unknowns) +
    WEIGHTS.names * Math.min(2, evidence.names) +
    WEIGHTS.gap * evidence.gap +
    WEIGHTS.mass * evidence.mass
  return 1 / (1 + Math.exp(-sumOfWeights))
}

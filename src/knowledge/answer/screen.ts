import { languageOf } from '../../lib/text/language.ts'
import { sentencesOf } from '../../lib/text/sentences.ts'
import { wordsOf } from '../../lib/text/words.ts'
import type { Hit } from '../collection/searcher.ts'

/**
 * DESIGN. What a search found may have been planted to be found. Five things are done about it before anything is
 * answered. No answer is made of sources of low trust. Copies of a passage count once, so that saying a thing often
 * makes it no truer. One source gets only so many of the places, as far as others have any. Sentences that only repeat the
 * question are no evidence for an answer: they are struck out; and where several passages repeat it, as texts do that
 * were written for this very question, those passages are left out (a list of frequent questions holds it once); so are
 * several that each hold, in one sentence, every word that the question is about. What
 * speaks to a model is marked. Sources of high trust are exempt from all but the first two. Wider retrieval, filters
 * for near-duplicates and trust in sources are what helps against planted passages in the literature too (Zou et al.,
 * "PoisonedRAG", USENIX Security 2025, section 7).
 */
export interface Screened {
  readonly kept: readonly Screen[]
  readonly lowTrust: number
  readonly copies: number
  /** Passages that were left out because they repeat the question, or all that it is about. */
  readonly echoes: number
  readonly instructing: number
}

export interface Screen {
  readonly hit: Hit
  /** Spans of its text that only repeat the question. */
  readonly echo: readonly Span[]
  readonly instructs: boolean
}

interface Span {
  readonly start: number
  readonly end: number
}

/** Of the passages that are handed on, the share that one source may have while others have any. */
const SOURCE_SHARE = 2 / 3
/** From so many on, passages that repeat the question are left out. */
const ECHOES_MIN = 2

/** Keeps the order, but for what one source has too much of for the first `limit` places. */
export function screen(question: string, hits: readonly Hit[], limit: number): Screened {
  const trusted = hits.filter(({ trust }) => trust !== 'low')
  const unplanted = withoutPlanted(question, trusted)
  const kept = withoutCopies(unplanted)
  const echoOf = echoFinder(question)
  const looked = kept.map((hit) => ({
    hit,
    echo: hit.trust === 'high' ? [] : echoOf(hit.text),
    instructs: INSTRUCTS.test(hit.text),
  }))
  const high = looked.filter(({ hit }) => hit.trust === 'high')
  const others = looked.filter(({ hit }) => hit.trust !== 'high')
  return {
    kept: [...high, ...spread(others, limit)],
    lowTrust: hits.length - trusted.length,
    copies: unplanted.length - kept.length,
    echoes: trusted.length - unplanted.length,
    instructing: looked.filter(({ instructs }) => instructs).length,
  }
}

/** Without those that repeat the question, or all that it is about, where several do. Copies count here each. */
function withoutPlanted(question: string, hits: readonly Hit[]): readonly Hit[] {
  const echoOf = echoFinder(question)
  const isStuffed = stuffingFinder(question, MIN_TELLING, WORDS_REPEATED)
  const isNearlyStuffed = stuffingFinder(question, MIN_NEAR_TELLING, NEARLY_ALL)
  const doubtful = hits.filter(({ trust }) => trust !== 'high')
  const echoing = new Set(doubtful.filter(({ text }) => echoOf(text).length > 0))
  const stuffed = new Set(doubtful.filter(({ text }) => isStuffed(text)))
  const near = new Set(doubtful.filter(({ text }) => isNearlyStuffed(text)))
  return hits.filter(
    (hit) =>
      !(echoing.size >= ECHOES_MIN && echoing.has(hit)) &&
      !(stuffed.size >= STUFFED_MIN && stuffed.has(hit)) &&
      !(near.size >= NEAR_MIN && near.has(hit)),
  )
}

/** The first `limit` places go to several sources; what one has too much of comes right behind them. */
function spread(screens: readonly Screen[], limit: number): Screen[] {
  const most = Math.ceil(limit * SOURCE_SHARE)
  const places = new Map<number, number>()
  const [first, later]: [Screen[], Screen[]] = [[], []]
  for (const one of screens) {
    const taken = places.get(one.hit.origin) ?? 0
    const placed = first.length < limit && taken < most
    if (placed) places.set(one.hit.origin, taken + 1)
    ;(placed ? first : later).push(one)
  }
  return [...first, ...later]
}

/** Words of a shingle; passages of less than MIN_SHINGLES are too short to be called copies. */
const SHINGLE = 4
const MIN_SHINGLES = 6
/** Share of the smaller passage's shingles that makes it a copy. */
const COPIED = 0.8

/** Of copies the one of the greater trust is kept, else the one that was found first, in its place. */
function withoutCopies(hits: readonly Hit[]): Hit[] {
  const kept: { hit: Hit; readonly shingles: ReadonlySet<string> }[] = []
  for (const hit of hits) {
    const shingles = shinglesOf(hit.text)
    const copy = kept.find((one) => isCopy(one.shingles, shingles))
    if (copy === undefined) kept.push({ hit, shingles })
    else if (hit.trust === 'high' && copy.hit.trust !== 'high') copy.hit = hit
  }
  return kept.map(({ hit }) => hit)
}

function shinglesOf(text: string): Set<string> {
  const stems = wordsOf(text, MAX_WORDS).map(({ stem }) => stem)
  const shingles = new Set<string>()
  for (let at = 0; at + SHINGLE <= stems.length; at++) shingles.add(stems.slice(at, at + SHINGLE).join(' '))
  return shingles
}

/** Of a passage are read so many words at most. */
const MAX_WORDS = 4_000

function isCopy(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const [small, large] = one.size <= other.size ? [one, other] : [other, one]
  if (small.size < MIN_SHINGLES) return false
  let shared = 0
  for (const shingle of small) if (large.has(shingle)) shared++
  return shared / small.size >= COPIED
}

/** A question of fewer words may stand in any text by chance. */
const MIN_QUESTION_WORDS = 5
const MAX_QUESTION_WORDS = 200
const RUN = 3
/**
 * Share of the question's runs of three words, or of all its words, that one sentence must hold. An honest answer says
 * much of the question again, but not how it asks: "how often", "what is".
 */
const RUNS_REPEATED = 0.85
const WORDS_REPEATED = 0.95

/** Finds the sentences of a text that repeat the question, word for word or in another order. */
function echoFinder(question: string): (text: string) => Span[] {
  const asked = wordsOf(question, MAX_QUESTION_WORDS).map(({ stem }) => stem)
  if (asked.length < MIN_QUESTION_WORDS) return () => []
  const runs = runsOf(asked)
  const words = new Set(asked)
  return (text) =>
    sentencesOf(text).filter(({ start, end }) => {
      const said = wordsOf(text.slice(start, end), MAX_WORDS).map(({ stem }) => stem)
      return (
        share(runs, runsOf(said)) >= RUNS_REPEATED ||
        (said.length <= 2 * asked.length && share(words, new Set(said)) >= WORDS_REPEATED)
      )
    })
}

/** Telling words that a question must have for this; one sentence holds fewer of them by itself. */
const MIN_TELLING = 5
/** So many passages with a sentence that holds every telling word were written for the question. */
const STUFFED_MIN = 3
/** The same for nearly every one of more words, in more passages: a flood for a question that is much like this one. */
const MIN_NEAR_TELLING = 6
const NEARLY_ALL = 0.8
const NEAR_MIN = 4

/** Tells whether one sentence of a text holds all that the question is about. */
function stuffingFinder(question: string, least: number, most: number): (text: string) => boolean {
  const { isEmpty } = languageOf(question)
  const asked = wordsOf(question, MAX_QUESTION_WORDS).filter(({ raw }) => !isEmpty(raw))
  const telling = new Set(asked.map(({ stem }) => stem))
  if (telling.size < least) return () => false
  return (text) =>
    sentencesOf(text).some(({ start, end }) => {
      const said = wordsOf(text.slice(start, end), MAX_WORDS).map(({ stem }) => stem)
      return share(telling, new Set(said)) >= most
    })
}

function runsOf(stems: readonly string[]): Set<string> {
  const runs = new Set<string>()
  for (let at = 0; at + RUN <= stems.length; at++) runs.add(stems.slice(at, at + RUN).join(' '))
  return runs
}

function share(wanted: ReadonlySet<string>, held: ReadonlySet<string>): number {
  let found = 0
  for (const one of wanted) if (held.has(one)) found++
  return found / wanted.size
}

/** What speaks to a model instead of about a subject. A mark, no proof: what is marked is used as data all the same. */
const INSTRUCTS =
  /\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|prompts?|rules|above|previous|context|passages?)\b|\b(?:system|developer) (?:prompt|message)\b|\byou (?:are|act) (?:now )?(?:as )?(?:an? )?(?:AI|assistant|language model|chatbot)\b|\b(?:respond|reply|answer|output)\b.{0,20}\b(?:only|exactly|always) (?:with|by)?\b|\bdo not (?:mention|reveal|tell|disclose|cite)\b|<\/?(?:passage|system|instructions?)\b|\[\/?INST\]|<\|[a-z_]+\|>/is

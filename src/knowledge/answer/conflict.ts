import type { Citation, Conflict, Passage } from '../../contract/passage.ts'
import { type Language, languageOf } from '../../lib/text/language.ts'
import { sentencesOf } from '../../lib/text/sentences.ts'
import { wordsOf } from '../../lib/text/words.ts'

/**
 * DESIGN. Two sentences of different documents speak of the same where most of their telling words are the same, and
 * contradict each other where their figures differ or only one of them denies. That is form, not meaning: it sees
 * "kept for 30 days" beside "kept for 90 days", and misses what is said in other words. Only the sentences that the
 * question is about are compared.
 */
const MAX_CONFLICTS = 3
const MAX_PASSAGES = 8
/** Sentences of one passage that are compared: those that hold the most of the question's words. */
const MAX_SENTENCES = 4
/** Words that two sentences must share, and their share of the shorter one's. */
const MIN_SHARED = 3
const SHARED = 0.6
/** Share of the question's telling words that a sentence must hold to be about it. */
const ABOUT = 0.34

const FIGURE = /(?<![\p{L}\p{N}])[-+]?\p{N}+(?:[.,:/-]\p{N}+)*/gu
const DENIES = /\b(?:not?|never|none|cannot|can't|won't|doesn't|don't|isn't|aren't|without|neither|nor)\b/i

interface Said {
  readonly passage: Passage
  readonly start: number
  readonly end: number
  readonly stems: ReadonlySet<string>
  readonly figures: ReadonlySet<string>
  readonly denies: boolean
}

/** Contradictions among the best passages, at most MAX_CONFLICTS. */
export function conflictsIn(question: string, passages: readonly Passage[]): Conflict[] {
  const language = languageOf(question)
  const asked = tellingStems(question, language)
  const said = passages.slice(0, MAX_PASSAGES).flatMap((passage) => sayings(asked, passage, language))
  const found: Conflict[] = []
  for (const [at, one] of said.entries()) {
    for (const other of said.slice(at + 1)) {
      const by = one.passage.document === other.passage.document ? undefined : contradiction(one, other)
      if (by === undefined) continue
      found.push({ one: quoted(one), other: quoted(other), by })
      if (found.length === MAX_CONFLICTS) return found
    }
  }
  return found
}

function sayings(asked: ReadonlySet<string>, passage: Passage, language: Language): Said[] {
  const rated = sentencesOf(passage.text).flatMap((sentence) => {
    if (sentence.type === 'code' || sentence.type === 'table') return []
    const own = passage.text.slice(sentence.start, sentence.end)
    const stems = tellingStems(own, language)
    const shared = [...asked].filter((stem) => stems.has(stem)).length
    if (shared === 0 || shared / asked.size < ABOUT) return []
    const figures = new Set(Array.from(own.matchAll(FIGURE), ([figure]) => figure))
    const { start, end } = sentence
    return [{ shared, said: { passage, start, end, stems, figures, denies: DENIES.test(own) } }]
  })
  return rated
    .toSorted((a, b) => b.shared - a.shared)
    .slice(0, MAX_SENTENCES)
    .map(({ said }) => said)
}

function contradiction(one: Said, other: Said): Conflict['by'] | undefined {
  const shared = [...one.stems].filter((stem) => other.stems.has(stem)).length
  if (shared < MIN_SHARED || shared / Math.min(one.stems.size, other.stems.size) < SHARED) return undefined
  const figures = one.figures.size > 0 && other.figures.size > 0
  if (figures && ![...one.figures].some((figure) => other.figures.has(figure))) return 'figures'
  return one.denies !== other.denies && shared / Math.max(one.stems.size, other.stems.size) >= SHARED
    ? 'negation'
    : undefined
}

/** Words that are neither empty nor figures. */
function tellingStems(text: string, { isEmpty }: Language): Set<string> {
  return new Set(
    wordsOf(text).flatMap(({ raw, stem }) => (isEmpty(raw) || /^\p{N}/u.test(raw) ? [] : [stem])),
  )
}

function quoted({ passage, start, end }: Said): Citation {
  const [from, to] = [passage.start + start, passage.start + end]
  const { document, headings, version, collection, page, readAt } = passage
  return {
    id: `${passage.id.slice(0, passage.id.lastIndexOf(':'))}:${from}-${to}`,
    document,
    headings,
    version,
    start: from,
    end: to,
    quote: passage.text.slice(start, end),
    ...(collection === undefined ? {} : { collection }),
    ...(page === undefined ? {} : { page }),
    ...(readAt === undefined ? {} : { readAt }),
  }
}

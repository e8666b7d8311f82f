import type { Passage } from '../../contract/passage.ts'
import { hasSpaceless } from '../../lib/text/spaceless.ts'
import { analyse, evidenceOf, type WeightedTerm } from '../handbook/evidence.ts'
import { type Question, readQuestion } from '../handbook/question.ts'

import { weightOf } from '../handbook/weight.ts'
import { eachRun, analyse as termsOf } from '../index/terms.ts'
import type { LexicalIndex } from '../retrieve/lexical.ts'
import type { Screen } from './screen.ts'
import { formatSpan } from './span-id.ts'
import { supportOf } from './support.ts'

/** A question with its words weighed among a collection's passages. */
interface Weighed {
  readonly question: Question
  readonly terms: readonly WeightedTerm[]
}

/** A few passages say little of how rare a word is: among fewer than so many, words are weighed as among these. */
const LEAST_PASSAGES = 300

export function weigh(text: string, index: LexicalIndex): Weighed {
  const question = readQuestion(text)
  const frequency = (word: string): number => frequencyOf(word, index)
  const passages = Math.max(index.chunks, LEAST_PASSAGES)
  return { question, terms: question.terms.map((term) => weightOf(term, frequency, passages)) }
}

/** How many passages hold a word, at least about: of a script without spaces the index has only pairs of characters. */
function frequencyOf(word: string, index: LexicalIndex): number {
  if (!hasSpaceless(word)) {
    return Math.max(0, ...termsOf(word.toLowerCase()).map((term) => index.frequency(term).chunks))
  }
  const counts: number[] = []
  eachRun(word, (run) => {
    const terms = [...termsOf(run), ...(run.length === 1 ? index.pairsWith(run) : [])]
    if (terms.length === 0) return // marks alone
    counts.push(Math.max(0, ...terms.map((term) => index.frequency(term).chunks)))
  })
  return counts.length === 0 ? 0 : Math.min(...counts)
}

/**
 * A passage with its support: the handbook's own measure, over what the passage says beside the question's own
 * words. The focus never lies in what only repeats the question.
 */
export function judged(collection: string, { question, terms }: Weighed, screened: Screen): Passage {
  const { hit, echo, instructs } = screened
  const { origin, version, start, end, text } = hit
  const own = echo.toReversed().reduce((rest, span) => blanked(rest, span.start, span.end), text)
  const headings =
    hit.title === '' || hit.headings[0] === hit.title ? hit.headings : [hit.title, ...hit.headings]
  const analysed = analyse(headings, '', own, question.language)
  const found = evidenceOf(question, terms, analysed)
  const silent = analysed.sentences.length === 0
  return {
    id: formatSpan(collection, origin, version, start, end),
    document: hit.source,
    headings: hit.headings,
    version,
    start,
    end,
    text,
    support: silent ? 0 : supportOf(found.evidence),
    ...(found.end > found.start ? { focus: { start: start + found.start, end: start + found.end } } : {}),
    collection,
    ...(hit.page === undefined ? {} : { page: hit.page }),
    readAt: hit.readAt,
    ...(instructs ? { instructs } : {}),
  }
}

/** As long as before, so that every offset stays. */
function blanked(text: string, start: number, end: number): string {
  return text.slice(0, start) + ' '.repeat(end - start) + text.slice(end)
}

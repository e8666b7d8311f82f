import { languageOf } from '../../lib/text/language.ts'
import { loneCharacters } from '../../lib/text/spaceless.ts'
import { analyse, eachRun } from './terms.ts'

/**
 * English words that shape a question and never say what it is about. They are left out of queries, not of the
 * index: in source code or tables "how" and "does" are rare, and BM25 would take them for the question's point. Of a
 * question in another language its own function words are left out.
 */
const SHAPING = new Set(
  (
    'a an the this that these those there here and or but nor if then than as of at by for from in into on onto to with ' +
    'about over under between is are am was were be been being do does did doing done has have had having can could will would shall ' +
    'should may might must i you he she it we they me him us them my your his her its our their what which who whom whose ' +
    'when where why how not no such please tell'
  ).split(' '),
)

/** The terms of a question and how often each stands in it; a question of nothing but shaping words keeps them. */
export function queryTerms(question: string): Map<string, number> {
  const telling = new Map<string, number>()
  const all = new Map<string, number>()
  const { english, isEmpty } = languageOf(question)
  eachRun(question, (run) => {
    const shaping = english ? SHAPING.has(run.toLowerCase()) : isEmpty(run)
    for (const term of analyse(run)) {
      all.set(term, (all.get(term) ?? 0) + 1)
      if (!shaping) telling.set(term, (telling.get(term) ?? 0) + 1)
    }
  })
  return telling.size > 0 ? telling : all
}

/** What a character's pairs count beside a term: where it stands inside a text it is in two of them. */
const PAIR_WEIGHT = 0.5

/**
 * The terms of a question, and of each character of a script without spaces that stands alone in it the indexed pairs
 * that hold it: the index has no single characters but where a text has them by themselves.
 */
export function widenedTerms(
  question: string,
  pairsWith: (character: string) => readonly string[],
): Map<string, number> {
  const terms = queryTerms(question)
  for (const character of new Set(loneCharacters(question))) {
    for (const pair of pairsWith(character)) terms.set(pair, Math.max(PAIR_WEIGHT, terms.get(pair) ?? 0))
  }
  return terms
}

/** The terms of any text and how often each stands in it. */
export function termCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  eachRun(text, (run) => {
    for (const term of analyse(run)) counts.set(term, (counts.get(term) ?? 0) + 1)
  })
  return counts
}

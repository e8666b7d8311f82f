import { queryTerms, termCounts } from '../index/query.ts'
import { analyse, eachRun } from '../index/terms.ts'
import type { LexicalIndex, Query } from '../retrieve/lexical.ts'

/** A chunk of the collection as the tuning reads it. */
export interface Sample {
  readonly segment: number
  readonly chunk: number
  readonly text: string
}

/**
 * A query whose answer is known without anybody's judgement: it was taken out of `at`, which must be found by what
 * is left of it.
 */
export interface KnownItem {
  readonly at: Sample
  readonly query: Query
  /** The query as it would be written: the sentence, or words of it. */
  readonly asked: string
  /** What was taken out, as it stood. */
  readonly sentence: string
  /** What was taken out: its terms and their number. */
  readonly removed: ReadonlyMap<string, number>
  readonly removedLength: number
}

/** Numbers in [0, 1), one after another. */
export type Chance = () => number

const SENTENCE_END = /(?<=[.?!])\s+|\n+/
/** A line that is no sentence to ask by: UTF-16 units. */
const MIN_SENTENCE = 20
const MAX_SENTENCE = 400
/** What must be left of a chunk for it to be found by. */
const MIN_SENTENCES = 3
const SHORT_TERMS = 4
const MIN_RARITY = 0.1

/**
 * Two queries from each chunk that has enough sentences: one sentence (never the first, which often is the chunk's
 * title) as a whole, and four of its words, rare ones sooner. The inverse cloze task of Lee, Chang and Toutanova
 * ("Latent retrieval for weakly supervised open domain question answering", ACL 2019) as a yardstick.
 */
export function knownItems(samples: readonly Sample[], index: LexicalIndex, chance: Chance): KnownItem[] {
  const items: KnownItem[] = []
  for (const at of samples) {
    const sentences = at.text
      .split(SENTENCE_END)
      .filter(({ length }) => length >= MIN_SENTENCE && length <= MAX_SENTENCE)
    if (sentences.length < MIN_SENTENCES) continue
    const sentence = sentences[1 + Math.floor(chance() * (sentences.length - 1))] ?? ''
    const removed = termCounts(sentence)
    let removedLength = 0
    for (const count of removed.values()) removedLength += count
    const whole = queryTerms(sentence)
    const short = rareTerms(whole, index, chance)
    const item = { at, sentence, removed, removedLength }
    items.push({ ...item, query: whole, asked: sentence })
    items.push({ ...item, query: short, asked: wordsOfTerms(sentence, short) })
  }
  return items
}

/** Some terms at random, each as likely as it is rare (Efraimidis and Spirakis, 2006). */
function rareTerms(terms: Query, index: LexicalIndex, chance: Chance): Map<string, number> {
  const drawn = [...terms.keys()]
    .map((term) => ({ term, key: chance() ** (1 / Math.max(MIN_RARITY, index.rarity(term))) }))
    .sort((a, b) => b.key - a.key)
    .slice(0, SHORT_TERMS)
  return new Map(drawn.map(({ term }) => [term, 1]))
}

/** The words of a sentence that these terms come from, each once. */
function wordsOfTerms(sentence: string, terms: Query): string {
  const words = new Set<string>()
  eachRun(sentence, (run) => {
    if (analyse(run).some((term) => terms.has(term))) words.add(run)
  })
  return [...words].join(' ')
}

/** The same numbers for the same seed, so that a collection is tuned alike each time (a linear congruence). */
export function sequence(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

import { MAX_WEIGHT, type WeightedTerm } from './evidence.ts'
import type { Term } from './question.ts'

/** A word that says how one speaks has this share of its rarity, and is never taken for rarer than this. */
const FAINT_SHARE = 0.35
const FAINT_RARITY = 3
/** What missing a word costs, as a share of what finding it is worth. */
const FAINT_LOSS = 0.6
const EVERYDAY_LOSS = 0.4
/** A word of a sentence that sets the scene, as a share of one that is asked. */
const CONTEXT_WEIGHT = 0.5
const CONTEXT_LOSS = 0.25

/** A number of one or two digits stands in many texts and says nothing by itself. */
const SHORT_NUMBER = /^\d{1,2}$/

/**
 * What a term is worth among `passages` passages, of which `frequency(word)` hold a word. Rarity is BM25's
 * inverse document frequency with one added inside, so that it is never negative. A word that is known only by
 * an alternative is as rare as the commonest of those.
 */
export function weightOf(term: Term, frequency: (word: string) => number, passages: number): WeightedTerm {
  const own = frequency(term.raw)
  const count = own > 0 ? own : Math.max(0, ...term.alternatives.map((one) => frequency(one.raw)))
  const rarity = Math.log(1 + (passages - count + 0.5) / (count + 0.5))
  const slight = term.faint || SHORT_NUMBER.test(term.raw)
  const base = slight ? FAINT_SHARE * Math.min(rarity, FAINT_RARITY) : Math.min(rarity, MAX_WEIGHT)
  const lossShare = slight ? FAINT_LOSS : term.everyday ? EVERYDAY_LOSS : 1
  return {
    ...term,
    unknown: count === 0,
    weight: base * (term.context ? CONTEXT_WEIGHT : 1),
    loss: base * lossShare * (term.context ? CONTEXT_LOSS : 1),
  }
}

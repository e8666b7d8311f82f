import { termCounts } from '../index/query.ts'
import type { LexicalIndex, Query } from './lexical.ts'

/** Chunks that are taken for relevant, and terms that they lend. */
export const FEEDBACK_CHUNKS = 10
const FEEDBACK_TERMS = 30

export interface FeedbackChunk {
  readonly text: string
  readonly score: number
}

/**
 * The terms by which the best chunks differ from the collection, weights adding up to 1: the relevance model of
 * RM3 (Abdul-Jaleel et al., "UMass at TREC 2004"), a chunk's share of a term times its score, with the term's rarity
 * in the place of smoothing. Empty where there are no chunks.
 */
export function expansionOf(chunks: readonly FeedbackChunk[], index: LexicalIndex): Map<string, number> {
  const weights = new Map<string, number>()
  for (const { text, score } of chunks) {
    const counts = termCounts(text)
    let length = 0
    for (const count of counts.values()) length += count
    for (const [term, count] of counts) {
      weights.set(term, (weights.get(term) ?? 0) + (score * count) / length)
    }
  }
  const best = [...weights]
    .map(([term, weight]) => [term, weight * index.rarity(term)] as const)
    .filter(([, weight]) => weight > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, FEEDBACK_TERMS)
  return normalised(new Map(best))
}

/** `share` of the expansion beside the rest of the question; both add up to 1 before. */
export function mixed(question: Query, expansion: Query, share: number): Map<string, number> {
  const mix = new Map<string, number>()
  for (const [term, weight] of normalised(question)) mix.set(term, (1 - share) * weight)
  for (const [term, weight] of expansion) mix.set(term, (mix.get(term) ?? 0) + share * weight)
  return mix
}

export function normalised(query: Query): Map<string, number> {
  let sum = 0
  for (const weight of query.values()) sum += weight
  return new Map([...query].map(([term, weight]) => [term, weight / (sum || 1)]))
}

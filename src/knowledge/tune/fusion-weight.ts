import { FUSED_DEPTH, fused } from '../retrieve/dense.ts'
import type { Ranked } from '../retrieve/lexical.ts'
import { clearlyBetter } from './better.ts'
import type { KnownItem } from './known-items.ts'

/** What the tuning of a fusion came to: nDCG over held-out queries of the parts and of both. */
export interface DenseTuning {
  readonly weight: number
  readonly lexical: number
  readonly dense: number
  readonly fused: number
  readonly heldOut: number
}

/** How a known item is ranked by words and by vectors, with what is sought in its rightful place. */
export interface TwoRankings {
  readonly item: KnownItem
  readonly lexical: readonly Ranked[]
  readonly dense: readonly Ranked[]
}

export interface WeightChoice {
  readonly weights: readonly number[]
  /** What a weight must bring in nDCG to be worth its cost. */
  readonly minGain: number
  /** Below this number of queries chance would choose. */
  readonly minItems: number
}

/**
 * Chooses what vectors weigh beside BM25: half of the items choose the weight, and it is 0 unless the other half says
 * clearly that it pays. Both queries of one chunk fall into the same half.
 */
export function chooseWeight(rankings: readonly TwoRankings[], choice: WeightChoice): DenseTuning {
  const halves = [0, 1].map((half) => rankings.filter((_, at) => (at >> 1) % 2 === half))
  const [choosing = [], judging = []] = halves
  const best = choice.weights
    .map((weight) => ({ weight, gain: mean(gains(choosing, weight)) }))
    .reduce((a, b) => (b.gain > a.gain ? b : a))
  const [alone, both] = [gains(judging, 0), gains(judging, best.weight)]
  const pays =
    rankings.length >= choice.minItems &&
    best.gain > mean(gains(choosing, 0)) &&
    clearlyBetter(
      both.map((gain, at) => gain - (alone[at] ?? 0)),
      choice.minGain,
    )
  return {
    weight: pays ? best.weight : 0,
    lexical: mean(alone),
    dense: mean(gains(judging, 1)),
    fused: pays ? mean(both) : mean(alone),
    heldOut: judging.length,
  }
}

/** A ranking in which the sought chunk stands by the score of what is left of it. */
export function withSought(item: KnownItem, ranking: readonly Ranked[], score: number): Ranked[] {
  const { segment, chunk } = item.at
  const rivals = ranking.filter((one) => one.segment !== segment || one.chunk !== chunk)
  const place = rivals.findIndex((one) => one.score < score)
  const sought = score > 0 ? [{ segment, chunk, score }] : []
  const at = place < 0 ? rivals.length : place
  return [...rivals.slice(0, at), ...sought, ...rivals.slice(at)].slice(0, FUSED_DEPTH)
}

/** Weight 0 is the search by words alone, in which what only vectors find has no place at all. */
function gains(of: readonly TwoRankings[], weight: number): number[] {
  return of.map(({ item, lexical, dense }) =>
    gainOf(item, weight === 0 ? lexical : fused(lexical, dense, weight, FUSED_DEPTH)),
  )
}

function gainOf({ at }: KnownItem, ranking: readonly Ranked[]): number {
  const rank = ranking.findIndex(({ segment, chunk }) => segment === at.segment && chunk === at.chunk)
  return rank < 0 ? 0 : 1 / Math.log2(rank + 2)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / (values.length || 1)
}

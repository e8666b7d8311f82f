import { expansionOf, FEEDBACK_CHUNKS, mixed, normalised } from '../retrieve/feedback.ts'
import type { LexicalIndex } from '../retrieve/lexical.ts'
import { DEFAULT_SETTINGS, type Settings } from '../retrieve/settings.ts'
import { clearlyBetter } from './better.ts'
import type { DenseTuning } from './fusion-weight.ts'
import { type KnownItem, knownItems, type Sample, sequence } from './known-items.ts'
import { gainOf, Pool, rivalsOf, widePool } from './pool.ts'

/** What a tuning came to. Means are nDCG over known-item queries. */
export interface Tuning {
  readonly settings: Settings
  /** Queries that settings were chosen by, and those kept apart to judge the choice. */
  readonly chosenBy: number
  readonly heldOut: number
  /** On the held-out queries: with the default settings, and with those that were chosen. */
  readonly before: number
  readonly after: number
  /** Why the defaults stand, where they do. */
  readonly kept?: 'too-few-queries' | 'no-better-on-held-out'
  /** The tuning of the latent semantics; absent where the collection is too small for any. */
  readonly semantics?: DenseTuning
}

/** What a tuning reads of a collection. */
export interface Tunable {
  readonly index: LexicalIndex
  /** Up to `limit` chunks, spread over the collection. */
  sample(limit: number): readonly Sample[]
  text(segment: number, chunk: number): string
}

/**
 * The document's weight is not among them: a removed sentence is gone from its document too, so that known items speak
 * against a weight that real questions, whose words stand in both, are served by.
 */
const BLOCKS: readonly (readonly Partial<Settings>[])[] = [
  [0.6, 0.9, 1.2, 1.6, 2, 2.5].flatMap((k1) => [0.3, 0.45, 0.6, 0.75, 0.9, 0.95].map((b) => ({ k1, b }))),
  [0, 0.25, 0.5, 1, 1.5].map((head) => ({ head })),
]
const FEEDBACK_SHARES = [0.1, 0.2, 0.3, 0.5]
const WIDE_SHARE = 0.4
/** Chunks that queries are made of, and those of them that are asked with feedback, which reads texts. */
const SAMPLES = 500
const FEEDBACK_ITEMS = 200
/** Below this number of queries chance would choose. */
const MIN_ITEMS = 40
/** Rounds over all settings, and what a change must bring in nDCG. */
const ROUNDS = 3
const MIN_GAIN = 0.002
/** Feedback costs a second search: it must bring more. */
const MIN_FEEDBACK_GAIN = 0.02
const SEED = 1_729

/**
 * Chooses the settings of a collection by itself, without judgements: by known-item queries, half of which choose
 * (one setting after the other, each the best while the others stand) and half of which judge. The defaults stand
 * where there are too few queries or where the choice is no better on the held-out half.
 */
export function tune(collection: Tunable): Tuning {
  const { index } = collection
  const items = knownItems(collection.sample(SAMPLES), index, sequence(SEED))
  // Both queries of one chunk fall into the same half.
  const halves: readonly KnownItem[][] = [0, 1].map((half) => items.filter((_, at) => (at >> 1) % 2 === half))
  const [choosing = [], judging = []] = halves.map((half) => half.map((item) => widePool(item, index)))
  const figures = { chosenBy: choosing.length, heldOut: judging.length }
  const before = meanGain(judging, DEFAULT_SETTINGS)
  if (items.length < MIN_ITEMS) {
    return { settings: DEFAULT_SETTINGS, ...figures, before, after: before, kept: 'too-few-queries' }
  }
  const chosen = descend(choosing)
  const after = meanGain(judging, chosen)
  const kept = after < before
  const settings = kept ? DEFAULT_SETTINGS : chosen
  const feedback = feedbackShare(collection, halves, settings)
  return {
    settings: { ...settings, feedback },
    ...figures,
    before,
    after: kept ? before : after,
    ...(kept && { kept: 'no-better-on-held-out' as const }),
  }
}

/** Block by block, each the best while the others stand: k1 and b together, since they lean on each other. */
function descend(pools: readonly Pool[]): Settings {
  let best: Settings = DEFAULT_SETTINGS
  let bestGain = meanGain(pools, best)
  for (let round = 0; round < ROUNDS; round++) {
    const before = best
    for (const block of BLOCKS) {
      for (const choice of block) {
        const settings = { ...best, ...choice }
        const gain = meanGain(pools, settings)
        if (gain > bestGain + MIN_GAIN) [best, bestGain] = [settings, gain]
      }
    }
    if (best === before) break
  }
  return best
}

function meanGain(pools: readonly Pool[], settings: Settings): number {
  let sum = 0
  for (const pool of pools) sum += gainOf(pool.scores(settings))
  return sum / (pools.length || 1)
}

/** The share that one half chooses, where the other agrees that it pays. The sought chunk lends no words. */
function feedbackShare(
  collection: Tunable,
  halves: readonly (readonly KnownItem[])[],
  settings: Settings,
): number {
  const [choosing = [], judging = []] = halves.map((items) =>
    items.slice(0, FEEDBACK_ITEMS / 2).map((item) => expanded(collection, item, settings)),
  )
  const gain = (of: readonly ((share: number) => number)[], share: number): number =>
    of.reduce((sum, one) => sum + one(share), 0) / (of.length || 1)
  const best = FEEDBACK_SHARES.map((share) => ({ share, gain: gain(choosing, share) })).reduce((a, b) =>
    b.gain > a.gain ? b : a,
  )
  return best.gain > gain(choosing, 0) &&
    clearlyBetter(
      judging.map((one) => one(best.share) - one(0)),
      MIN_FEEDBACK_GAIN,
    )
    ? best.share
    : 0
}

/** The gain of one query as a function of the share of feedback. */
function expanded(collection: Tunable, item: KnownItem, settings: Settings): (share: number) => number {
  const { index } = collection
  const lent = index
    .search(item.query, settings, FEEDBACK_CHUNKS + 1)
    .filter(({ segment, chunk }) => segment !== item.at.segment || chunk !== item.at.chunk)
    .slice(0, FEEDBACK_CHUNKS)
    .map(({ segment, chunk, score }) => ({ text: collection.text(segment, chunk), score }))
  const question = normalised(item.query)
  const expansion = expansionOf(lent, index)
  const searches = [question, mixed(question, expansion, WIDE_SHARE)].map((query) => ({ query, settings }))
  const rivals = rivalsOf(item, searches, index)
  // BM25 adds up over weighted terms, so a mixed query's scores are the mix of both queries' scores.
  const [asked, lending] = [question, expansion].map((query) =>
    new Pool(item, query, rivals, index).scores(settings),
  )
  if (asked === undefined || lending === undefined) return () => 0
  return (share) =>
    gainOf({
      rivals: asked.rivals.map((score, row) => (1 - share) * score + share * (lending.rivals[row] ?? 0)),
      sought: (1 - share) * asked.sought + share * lending.sought,
    })
}

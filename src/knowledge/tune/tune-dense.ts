import { fitLsa, type LsaModel, lsaVector, lsaVectors } from '../embed/lsa.ts'
import { termCounts } from '../index/query.ts'
import type { Segment } from '../index/segment.ts'
import { DenseIndex, FUSED_DEPTH } from '../retrieve/dense.ts'
import type { Settings } from '../retrieve/settings.ts'
import { chooseWeight, type DenseTuning, withSought } from './fusion-weight.ts'
import { type KnownItem, knownItems, sequence } from './known-items.ts'
import { widePool } from './pool.ts'
import type { Tunable } from './tune.ts'

/**
 * Latent semantics are of the same words as BM25: they are a hint beside it and never take over, and since they cost
 * time and memory they must bring more than a trifle.
 */
const WEIGHTS = [0.05, 0.1, 0.15, 0.2]
const SAMPLES = 500
const MIN_ITEMS = 40
const MIN_GAIN = 0.015
const SEED = 4_104

/**
 * Chooses the weight of the collection's latent semantics beside BM25: half of the known-item queries choose it,
 * and it stays 0 unless the other half says clearly that it pays. The model that is judged has never seen the
 * sentences that ask: one that had would know them by heart. Undefined for a collection too small for one.
 */
export function tuneDense(
  collection: Tunable,
  segments: readonly Segment[],
  settings: Settings,
): DenseTuning | undefined {
  const { index } = collection
  const items = knownItems(collection.sample(SAMPLES), index, sequence(SEED))
  const rest = segments.map((segment, number) => withoutSentences(segment, number, items))
  const model = fitLsa(rest, sequence(SEED))
  if (model === undefined) return undefined
  const vectors = rest.map((segment) => lsaVectors(model, segment))
  const dense = new DenseIndex(model.dimensions, vectors)
  const rankings = items.map((item) => ({
    item,
    lexical: withSought(
      item,
      index.search(item.query, settings, FUSED_DEPTH + 1),
      widePool(item, index).scores(settings).sought,
    ),
    dense: withSought(
      item,
      dense.search(lsaVector(model, item.query), FUSED_DEPTH + 1),
      soughtCosine(item, model),
    ),
  }))
  return chooseWeight(rankings, { weights: WEIGHTS, minGain: MIN_GAIN, minItems: MIN_ITEMS })
}

/** A segment whose sampled chunks lack the sentence that was taken out of them. */
function withoutSentences(segment: Segment, number: number, items: readonly KnownItem[]): Segment {
  const body = segment.body.slice()
  const removed = new Map(
    items.filter(({ at }) => at.segment === number).map((item) => [item.at.chunk, item.removed] as const),
  )
  for (const [term, id] of segment.terms) {
    const end = segment.offsets[id + 1] ?? 0
    for (let index = segment.offsets[id] ?? 0; index < end; index++) {
      const gone = removed.get(segment.chunks[index] ?? 0)?.get(term) ?? 0
      if (gone > 0) body[index] = Math.max(0, (body[index] ?? 0) - gone)
    }
  }
  return { ...segment, body }
}

function soughtCosine(item: KnownItem, model: LsaModel): number {
  const counts = termCounts(item.at.text)
  for (const [term, count] of item.removed) counts.set(term, (counts.get(term) ?? 0) - count)
  const [own, asked] = [lsaVector(model, counts), lsaVector(model, item.query)]
  return own.reduce((sum, value, i) => sum + value * (asked[i] ?? 0), 0)
}

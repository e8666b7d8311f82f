import { UpshiftError } from '../../contract/problem.ts'
import type { Collections, KeptTuning } from '../collection/collections.ts'
import { fitLsa, type LsaModel } from '../embed/lsa.ts'
import type { Segment } from '../index/segment.ts'
import { sequence } from './known-items.ts'
import { tune } from './tune.ts'
import { tuneDense } from './tune-dense.ts'

/** A collection is tuned anew when its chunks have become so many more or fewer since: a share. */
const CHANGE = 0.2
const SEED = 2_718
/** Another process may change a collection while it is tuned; who changes it that often tunes it in the end. */
const TRIES = 3

/**
 * Tunes a collection by itself and keeps what came out, the model of its semantics only where it has a weight. Only
 * documents without labels are read for it: so no search tells a caller of what it may not see. Throws UpshiftError
 * where the collection was changed meanwhile, each time anew.
 */
export function tuneCollection(collections: Collections, name: string): KeptTuning {
  const kept = tuneCalmly(collections, name)
  if (kept !== undefined) return kept
  const message = `The collection ${name} was changed by another process each time that it was tuned. Try again when it is done.`
  throw new UpshiftError({ code: 'conflict', message })
}

/** Undefined, and nothing kept, where it was changed each time. */
function tuneCalmly(collections: Collections, name: string): KeptTuning | undefined {
  for (let nth = 0; nth < TRIES; nth++) {
    const kept = tuneOnce(collections, name)
    if (kept !== undefined) return kept
  }
  return undefined
}

function tuneOnce(collections: Collections, name: string): KeptTuning | undefined {
  const generation = collections.generation(name)
  const searcher = collections.searcher(name).seenBy([])
  const tuning = tune(searcher)
  const dense = tuneDense(searcher, searcher.segments, tuning.settings)
  const settings = { ...tuning.settings, dense: dense?.weight ?? 0 }
  const model = settings.dense > 0 ? semanticsOf(searcher.segments) : undefined
  const whole = { ...tuning, settings, ...(dense && { semantics: dense }) }
  return collections.keepTuning(name, whole, model, generation)
}

/** The latent semantics of a collection as it stands; undefined where it is too small. */
export function semanticsOf(segments: readonly Segment[]): LsaModel | undefined {
  return fitLsa(segments, sequence(SEED))
}

/** Tunes a collection where it has changed so much, or was not tuned yet; who else is changing it does so at its end. */
export function tuneIfDue(collections: Collections, name: string): void {
  const { chunks } = collections.figures(name, [])
  if (chunks > 0 && tuningDue(chunks, collections.tuning(name)?.chunks)) tuneCalmly(collections, name)
}

/** Whether a collection has changed so much that its settings are of another one, so to speak. */
export function tuningDue(chunks: number, tunedAt: number | undefined): boolean {
  return tunedAt === undefined || Math.abs(chunks - tunedAt) > CHANGE * tunedAt
}

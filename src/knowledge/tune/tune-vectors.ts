import { type ProblemCode, UpshiftError } from '../../contract/problem.ts'
import type { Collections } from '../collection/collections.ts'
import type { Searcher } from '../collection/searcher.ts'
import { type DenseIndex, FUSED_DEPTH } from '../retrieve/dense.ts'
import { DEFAULT_SETTINGS, type Settings } from '../retrieve/settings.ts'
import { EMBED_TEXTS_MAX, type Embedder } from '../vectors/embedder.ts'
import { unitVector } from '../vectors/encode.ts'
import { prefixesOf } from '../vectors/prefix.ts'
import type { VectorTuning } from '../vectors/store.ts'
import { chooseWeight, withSought } from './fusion-weight.ts'
import { type KnownItem, knownItems, sequence } from './known-items.ts'
import { widePool } from './pool.ts'

/** A model that was trained on language knows what the words do not say: unlike the semantics it may take over. */
const WEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
/** Where nothing could be tuned: who names a model wants it used. */
const UNTUNED_WEIGHT = 0.3
/** Chunks that queries are made of: each costs three texts to embed. */
const SAMPLES = 150
const MIN_ITEMS = 40
/** They cost a call of an engine for each search: they must bring more than a trifle. */
const MIN_GAIN = 0.01
const SEED = 7_919
/** A text with its head may be this long to be embedded for the tuning, in UTF-16 units. */
const MAX_TEXT = 16_000

/**
 * Chooses what the vectors of a collection weigh, by known items, as the weight of its semantics is chosen: half of them
 * choose, half judge. The chunk that is sought stands by the vector of what is left of it when the sentence that asks
 * is taken out: with it, it would be found by its own words. 0 as well where the semantics, which cost no call, bring as
 * much. Undefined, and nothing kept, where there are no vectors or the collection changed meanwhile. As all tuning it reads documents without labels only. Throws UpshiftError where the engine fails.
 */
export async function tuneVectors(
  collections: Collections,
  name: string,
  embedder: Embedder,
  signal: AbortSignal,
): Promise<VectorTuning | undefined> {
  if (!collections.has(name)) return undefined
  const generation = collections.generation(name)
  const made = collections.vectors.state(name)?.made
  const searcher = collections.searcher(name).seenBy([])
  const index = made && searcher.engineVectors(made.model, made.dimensions)
  if (made === undefined || index === undefined) return undefined
  const kept = collections.tuning(name)
  const items = knownItems(searcher.sample(SAMPLES), searcher.index, sequence(SEED))
  const tuning = await judged(searcher, kept?.settings ?? DEFAULT_SETTINGS, items, {
    index,
    made,
    embedder,
    signal,
  })
  const semantics = kept?.semantics
  const cheaper = semantics !== undefined && semantics.weight > 0 ? semantics.fused - semantics.lexical : 0
  const beaten = tuning.kept === undefined && cheaper > 0 && tuning.fused - tuning.lexical <= cheaper
  const chosen: VectorTuning = beaten ? { ...tuning, weight: 0, kept: 'semantics-are-better' } : tuning
  return collections.vectors.keepTuning(name, chosen, generation) ? chosen : undefined
}

interface Judging {
  readonly index: DenseIndex
  readonly made: { readonly model: string; readonly dimensions: number }
  readonly embedder: Embedder
  readonly signal: AbortSignal
}

async function judged(
  searcher: Searcher,
  settings: Settings,
  items: readonly KnownItem[],
  judging: Judging,
): Promise<VectorTuning> {
  const chunks = searcher.index.chunks
  if (items.length < MIN_ITEMS) {
    const none = { lexical: 0, dense: 0, fused: 0, heldOut: 0, chunks }
    return { weight: UNTUNED_WEIGHT, ...none, kept: 'too-few-queries' }
  }
  const { question, passage } = prefixesOf(judging.made.model)
  const asked = await embedded(
    items.map((item) => question + item.asked),
    judging,
  )
  // Both items of a chunk have had the same sentence taken out.
  const rests = await embedded(
    items.filter((_, at) => at % 2 === 0).map((item) => passage + restOf(searcher, item)),
    judging,
  )
  const rankings = items.map((item, at) => {
    const [query, rest] = [asked[at], rests[at >> 1]]
    const cosine = query === undefined || rest === undefined ? 0 : dot(query, rest)
    return {
      item,
      lexical: withSought(
        item,
        searcher.index.search(item.query, settings, FUSED_DEPTH + 1),
        widePool(item, searcher.index).scores(settings).sought,
      ),
      dense:
        query === undefined ? [] : withSought(item, judging.index.search(query, FUSED_DEPTH + 1), cosine),
    }
  })
  const choice = { weights: WEIGHTS, minGain: MIN_GAIN, minItems: MIN_ITEMS }
  const tuning = chooseWeight(rankings, choice)
  return { ...tuning, chunks, ...(tuning.weight === 0 && { kept: 'no-better-on-held-out' as const }) }
}

function restOf(searcher: Searcher, { at, sentence }: KnownItem): string {
  const whole = searcher.embeddedText(at.segment, at.chunk)
  return whole.replace(sentence, () => '').slice(0, MAX_TEXT) || ' '
}

/** Texts that no model takes, or that are too long for it, take no part: undefined in their place. */
async function embedded(
  texts: readonly string[],
  { made, embedder, signal }: Judging,
): Promise<(Float32Array | undefined)[]> {
  const all: (Float32Array | undefined)[] = []
  for (let at = 0; at < texts.length; at += EMBED_TEXTS_MAX) {
    const part = texts.slice(at, at + EMBED_TEXTS_MAX)
    all.push(...(await partOf(part, embedder, signal, made)))
  }
  return all
}

const OF_A_TEXT: readonly ProblemCode[] = ['context_length_exceeded', 'guard_refused', 'upstream_rejected']

async function partOf(
  texts: readonly string[],
  embedder: Embedder,
  signal: AbortSignal,
  made: Judging['made'],
): Promise<(Float32Array | undefined)[]> {
  try {
    const { model, vectors } = await embedder.embed(texts, signal)
    if (model !== made.model || vectors.some(({ length }) => length !== made.dimensions)) {
      const message = `${embedder.wanted} has become ${model} while the collection was tuned; its vectors are of ${made.model}. Run the command again.`
      throw new UpshiftError({ code: 'conflict', message })
    }
    return vectors.map(unitVector)
  } catch (error) {
    if (!(error instanceof UpshiftError) || !OF_A_TEXT.includes(error.problem.code)) throw error
    if (texts.length === 1) return [undefined]
    const middle = texts.length >> 1
    const first = await partOf(texts.slice(0, middle), embedder, signal, made)
    return [...first, ...(await partOf(texts.slice(middle), embedder, signal, made))]
  }
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0
  for (let at = 0; at < one.length; at++) sum += (one[at] ?? 0) * (other[at] ?? 0)
  return sum
}

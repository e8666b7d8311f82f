import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { Collections } from '../collection/collections.ts'
import type { ReadDocument } from '../collection/document.ts'
import type { Searcher } from '../collection/searcher.ts'
import type { Settings } from '../retrieve/settings.ts'
import type { Tuning } from '../tune/tune.ts'
import { semanticsOf, tuneCollection } from '../tune/tune-collection.ts'
import { tuneVectors } from '../tune/tune-vectors.ts'
import { EMBED_TEXTS_MAX, type Embedder } from '../vectors/embedder.ts'
import { unitVector } from '../vectors/encode.ts'
import { makeVectors } from '../vectors/make.ts'
import { prefixesOf } from '../vectors/prefix.ts'
import type { VectorTuning } from '../vectors/store.ts'
import {
  type BeirQuery,
  type BeirRecord,
  type Judgements,
  readCorpus,
  readJudgements,
  readQueries,
} from './beir.ts'
import { documentOf, groupedByDocument } from './grouped.ts'
import { mean, ndcg, percentile, recall, reciprocalRank } from './measure.ts'

export interface Evaluation {
  readonly ndcg10: number
  readonly recall100: number
  readonly mrr10: number
  /** One query after the other, each with the texts of its ten best passages. */
  readonly queriesPerSecond: number
  readonly p95Ms: number
  /** The collection's file: texts, postings and all. */
  readonly indexBytes: number
  readonly settings: Settings
  /** Where an embedding model took part: its exact name, and how the weight of its vectors was chosen. */
  readonly vectors?: VectorTuning & { readonly model: string; readonly embedMs: number }
  /** nDCG@10 of BM25 alone, of the collection's latent semantics alone, and of both with the weight in the settings. */
  readonly parts: { readonly lexical: number; readonly dense: number; readonly fused: number }
  readonly tuning: Omit<Tuning, 'settings'>
  readonly records: number
  readonly documents: number
  readonly queries: number
  /** Reading the files; cutting and indexing; tuning. */
  readonly readMs: number
  readonly indexMs: number
  readonly tuneMs: number
}

const DEPTH = 10
const RECALL_DEPTH = 100
/** Records that one transaction takes. */
const BATCH = 8_000
const COLLECTION = 'evaluated'

/**
 * Measures retrieval on a folder in BEIR's layout (Thakur et al., 2021): its records become a collection in a
 * temporary file, the collection tunes itself, and only then are queries and judgements read. Throws UpshiftError
 * where a file cannot be read.
 */
export async function evaluate(folder: string, clock: Clock, engine?: Engine): Promise<Evaluation> {
  const scratch = mkdtempSync(join(tmpdir(), 'upshift-evaluate-'))
  try {
    using collections = new Collections(join(scratch, 'collections.db'), clock)
    const began = clock.elapsed()
    const records = await readCorpus(folder)
    const read = clock.elapsed()
    const idOf = fill(collections, records)
    const indexed = clock.elapsed()
    const { settings, ...tuning } = tuneCollection(collections, COLLECTION)
    const tuned = clock.elapsed()
    const vectors = engine && (await embedded(collections, engine, clock))
    const searcher = collections.searcher(COLLECTION)
    const queries = await readQueries(folder)
    const judgements = await readJudgements(folder)
    const asked = vectors && (await askedBy(vectors, engine, queries))
    const set = { queries, judgements, idOf }
    const run = (chosen: Settings, weight?: number) =>
      measure(
        searcher,
        chosen,
        set,
        clock,
        vectors && asked && { model: vectors.model, asked, weight: weight ?? vectors.weight },
      )
    const measured = run(settings)
    // What the semantics would be worth where the tuning gave them no weight: for the report alone.
    const model = settings.dense > 0 ? undefined : semanticsOf(searcher.segments)
    if (model !== undefined) searcher.useSemantics(model)
    const parts = {
      lexical: run({ ...settings, dense: 0 }, 0).ndcg10,
      dense: run({ ...settings, dense: 1 }, 1).ndcg10,
      fused: measured.ndcg10,
    }
    const { chosenBy, heldOut, before, after, kept, semantics } = tuning
    return {
      ...measured,
      parts,
      ...(vectors && { vectors }),
      indexBytes: collections.bytes(),
      settings,
      tuning: { chosenBy, heldOut, before, after, ...(kept && { kept }), ...(semantics && { semantics }) },
      records: records.length,
      documents: collections.figures(COLLECTION).documents,
      readMs: read - began,
      indexMs: indexed - read,
      tuneMs: tuned - indexed,
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** An embedding model that takes part. */
interface Engine {
  readonly embedder: Embedder
  readonly signal: AbortSignal
}

/** Makes a vector of each record, as `knowledge add` does, and tunes their weight. Throws UpshiftError where the engine fails. */
async function embedded(
  collections: Collections,
  { embedder, signal }: Engine,
  clock: Clock,
): Promise<NonNullable<Evaluation['vectors']>> {
  const began = clock.elapsed()
  collections.vectors.choose(COLLECTION, embedder.wanted)
  const { stopped, left } = await makeVectors(collections, COLLECTION, embedder, { signal })
  const embedMs = clock.elapsed() - began
  const tuning =
    stopped === undefined ? await tuneVectors(collections, COLLECTION, embedder, signal) : undefined
  const model = collections.vectors.state(COLLECTION)?.made?.model
  if (tuning === undefined || model === undefined) {
    const why = stopped ?? `${left} records got no vector`
    throw new UpshiftError({ code: 'upstream_failed', message: `The records could not be embedded: ${why}` })
  }
  return { ...tuning, model, embedMs }
}

/** The queries' vectors by their ids. */
async function askedBy(
  { model }: { readonly model: string },
  engine: Engine | undefined,
  queries: readonly BeirQuery[],
): Promise<Map<string, Float32Array>> {
  const asked = new Map<string, Float32Array>()
  for (let at = 0; engine !== undefined && at < queries.length; at += EMBED_TEXTS_MAX) {
    const part = queries.slice(at, at + EMBED_TEXTS_MAX)
    const texts = part.map(({ text }) => prefixesOf(model).question + text)
    const { vectors } = await engine.embedder.embed(texts, engine.signal)
    for (const [place, vector] of vectors.entries()) asked.set(part[place]?._id ?? '', unitVector(vector))
  }
  return asked
}

interface Judged {
  readonly queries: readonly BeirQuery[]
  readonly judgements: Judgements
  readonly idOf: IdOf
}

interface Asked {
  readonly model: string
  readonly asked: ReadonlyMap<string, Float32Array>
  readonly weight: number
}

/** Which record a passage is. */
type IdOf = (source: string, start: number) => string

function fill(collections: Collections, records: readonly BeirRecord[]): IdOf {
  const groups = groupedByDocument(records)
  const starts = new Map<string, Map<number, string>>()
  let batch: ReadDocument[] = []
  let waiting = 0
  const flush = (): void => {
    if (batch.length > 0) collections.put(COLLECTION, batch)
    batch = []
    waiting = 0
  }
  for (const [source, group] of groups) {
    const document = documentOf(source, group)
    starts.set(source, new Map(document.chunks.map(({ start }, at) => [start, group[at]?._id ?? ''])))
    batch.push(document)
    waiting += group.length
    if (waiting >= BATCH) flush()
  }
  flush()
  return (source, start) => starts.get(source)?.get(start) ?? ''
}

function measure(
  searcher: Searcher,
  settings: Settings,
  { queries, judgements, idOf }: Judged,
  clock: Clock,
  by: Asked | undefined,
): Pick<Evaluation, 'ndcg10' | 'recall100' | 'mrr10' | 'queriesPerSecond' | 'p95Ms' | 'queries'> {
  const judged = queries.filter(({ _id }) => judgements.has(_id))
  if (judged.length === 0) {
    throw new UpshiftError({
      code: 'invalid_request',
      message: 'No query of queries.jsonl is judged in qrels/test.tsv: the two files are of different sets.',
    })
  }
  const scores = { ndcg10: [] as number[], recall100: [] as number[], mrr10: [] as number[] }
  const times: number[] = []
  for (const { _id, text } of judged) {
    const vector = by?.asked.get(_id)
    const asked = by && vector && by.weight > 0 ? { model: by.model, vector, weight: by.weight } : undefined
    const start = clock.elapsed()
    // One more than is judged: a query that is a record itself (ArguAna) finds itself, which does not count.
    const ranked = searcher.rank(text, settings, RECALL_DEPTH + 1, { asked })
    for (const one of ranked.slice(0, DEPTH)) searcher.hit(one)
    times.push(clock.elapsed() - start)
    const ids = ranked.flatMap((one) => searcher.hit(one) ?? []).map((hit) => idOf(hit.source, hit.start))
    const ranking = ids.filter((id) => id !== _id)
    const relevance = judgements.get(_id) ?? new Map<string, number>()
    scores.ndcg10.push(ndcg(ranking, relevance, DEPTH))
    scores.recall100.push(recall(ranking, relevance, RECALL_DEPTH))
    scores.mrr10.push(reciprocalRank(ranking, relevance, DEPTH))
  }
  return {
    ndcg10: mean(scores.ndcg10),
    recall100: mean(scores.recall100),
    mrr10: mean(scores.mrr10),
    queriesPerSecond: 1_000 / mean(times),
    p95Ms: percentile(times, 0.95),
    queries: judged.length,
  }
}

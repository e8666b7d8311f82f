import * as z from 'zod'
import type { DocumentFilter } from '../../contract/filter.ts'
import type { Found } from '../../contract/passage.ts'
import { HomeError } from '../../contract/problem.ts'
import { createWorkerPool } from '../../lib/worker-pool.ts'
import type { AskedVector } from '../vectors/chunk-vectors.ts'
import { TRUSTS } from './origins.ts'
import type { Hit } from './searcher.ts'

export interface Sought {
  readonly collection: string
  readonly question: string
  readonly limit: number
  readonly filter?: DocumentFilter | undefined
  readonly dense?: number
  /** The question's vector, where the collection's are of the same model: in the place of its semantics. */
  readonly asked?: AskedVector
}

/** What an answer is to be made of, where its passages are at hand: screened and judged in this order. */
export interface SoughtAmong extends Sought {
  readonly hits?: readonly Hit[]
}

interface Nearness {
  /**
   * Passages that have no vector to compare the question's with. Null where the question's was not used: the
   * collection's may be another model's by the time of the search.
   */
  readonly missing: number | null
}

interface PoolHits extends Nearness {
  readonly hits: readonly Hit[]
}

interface PoolFound extends Nearness {
  readonly found: Found
}

export interface SearchPool {
  /**
   * The `limit` best passages of a collection, by its own settings; `dense` stands in for the weight of its
   * semantics, and `labels` are those that who asks holds. Rejects with WorkerError: the pool is full, the search took too long, or the collection is not there; with
   * HomeError: the file is damaged.
   */
  search(question: Sought, labels: readonly string[], signal?: AbortSignal): Promise<PoolHits>
  /** What an answer may be made of: passages that were screened and judged. Rejects as `search`. */
  find(question: SoughtAmong, labels: readonly string[], signal?: AbortSignal): Promise<PoolFound>
  close(): Promise<void>
}

/** One thread holds the indexes: a search takes milliseconds, and memory is dear. */
const THREADS = 1
const MAX_WAITING = 64
/** The first search of a collection reads its index: seconds, for a large one. */
const SEARCH_TIMEOUT_MS = 60_000
const HEAP_MB = 2_048

const hitsSchema: z.ZodType<readonly Hit[]> = z.array(
  z.object({
    score: z.number(),
    source: z.string(),
    origin: z.number(),
    trust: z.enum(TRUSTS),
    readAt: z.number(),
    title: z.string(),
    version: z.string(),
    headings: z.array(z.string()),
    kind: z.string(),
    page: z.number().exactOptional(),
    start: z.number(),
    end: z.number(),
    text: z.string(),
    reranked: z.number().exactOptional(),
  }),
)

const citationSchema = z.object({
  id: z.string(),
  document: z.string(),
  headings: z.array(z.string()),
  version: z.string(),
  start: z.number(),
  end: z.number(),
  quote: z.string(),
  collection: z.string().exactOptional(),
  page: z.number().exactOptional(),
  readAt: z.number().exactOptional(),
})

const foundSchema: z.ZodType<Found> = z.object({
  type: z.literal('found'),
  passages: z.array(
    citationSchema.omit({ quote: true }).extend({
      text: z.string(),
      support: z.number(),
      focus: z.object({ start: z.number(), end: z.number() }).exactOptional(),
      instructs: z.literal(true).exactOptional(),
    }),
  ),
  conflicts: z.array(
    z.object({ one: citationSchema, other: citationSchema, by: z.enum(['figures', 'negation']) }),
  ),
  verdicts: z.array(
    z.object({
      check: z.string(),
      outcome: z.enum(['passed', 'repaired', 'redacted', 'failed', 'skipped']),
      detail: z.string().exactOptional(),
    }),
  ),
})

const hitsReply = z.object({ hits: hitsSchema, missing: z.number().nullable() })
const foundReply = z.object({ found: foundSchema, missing: z.number().nullable() })
const unusableReply = z.object({ unusable: z.string() })

/** Throws HomeError where the worker could not use the file. */
function usable(reply: unknown): unknown {
  const { data } = unusableReply.safeParse(reply)
  if (data !== undefined) throw new HomeError({ code: 'internal', message: data.unusable })
  return reply
}

/** Searches the collections in the file at `path` off the event loop. */
export function createSearchPool(path: string): SearchPool {
  const pool = createWorkerPool({
    module: new URL('./search-worker.ts', import.meta.url),
    size: THREADS,
    queueLimit: MAX_WAITING,
    taskTimeoutMs: SEARCH_TIMEOUT_MS,
    heapMb: HEAP_MB,
  })
  return {
    search: async (question, labels, signal) =>
      hitsReply.parse(usable(await pool.run({ type: 'search', path, ...question, labels }, [], signal))),
    find: async (question, labels, signal) =>
      foundReply.parse(usable(await pool.run({ type: 'find', path, ...question, labels }, [], signal))),
    close: () => pool.close(),
  }
}

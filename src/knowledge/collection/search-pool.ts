import * as z from 'zod'
import { createWorkerPool } from '../../lib/worker-pool.ts'
import type { Hit } from './searcher.ts'

export interface SearchPool {
  /**
   * The `limit` best passages of a collection, by its own settings; `dense` stands in for the weight of its
   * semantics. Rejects with WorkerError: the pool is full, the search took too long, or the collection is not there.
   */
  search(
    question: { collection: string; question: string; limit: number; dense?: number },
    signal?: AbortSignal,
  ): Promise<readonly Hit[]>
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
    title: z.string(),
    version: z.string(),
    headings: z.array(z.string()),
    kind: z.string(),
    page: z.number().exactOptional(),
    start: z.number(),
    end: z.number(),
    text: z.string(),
  }),
)

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
    search: async (question, signal) => hitsSchema.parse(await pool.run({ path, ...question }, [], signal)),
    close: () => pool.close(),
  }
}

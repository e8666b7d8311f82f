import { createWorkerPool, WorkerError } from '../../lib/worker-pool.ts'

/** A file of some gigabytes that lies in the cache of the disk. */
const CHECK_TIMEOUT_MS = 30_000

/** What a look at the file of the collections says; `why` is a sentence. */
export type FileCheck =
  | { readonly type: 'sound' }
  | { readonly type: 'damaged'; readonly why: string }
  /** It took too long. */
  | { readonly type: 'unchecked'; readonly why: string }

/** Reads the whole file in a thread of its own: a large one takes seconds, in which others go on. */
export async function checkFile(path: string): Promise<FileCheck> {
  const module = new URL('./check-worker.ts', import.meta.url)
  const pool = createWorkerPool({ module, size: 1, queueLimit: 1, taskTimeoutMs: CHECK_TIMEOUT_MS })
  try {
    await pool.run({ path })
    return { type: 'sound' }
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    return { type: error.fault === 'failed' ? 'damaged' : 'unchecked', why: error.message }
  } finally {
    await pool.close()
  }
}

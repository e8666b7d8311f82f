import * as z from 'zod'
import { createWorkerPool, WorkerError } from '../../lib/worker-pool.ts'

/** A file of some gigabytes that lies in the cache of the disk. */
const CHECK_TIMEOUT_MS = 30_000

const fileCheckSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('sound') }),
  z.object({ type: z.literal('damaged'), why: z.string() }),
  /** Held by another process, of a newer version, or not to be opened here: `why` says what to do. */
  z.object({ type: z.literal('unopened'), why: z.string() }),
  /** It took too long. */
  z.object({ type: z.literal('unchecked'), why: z.string() }),
])

/** What a look at the file of the collections says; `why` is a sentence. */
export type FileCheck = Readonly<z.infer<typeof fileCheckSchema>>

/** Reads the whole file in a thread of its own: a large one takes seconds, in which others go on. */
export async function checkFile(path: string): Promise<FileCheck> {
  const module = new URL('./check-worker.ts', import.meta.url)
  const pool = createWorkerPool({ module, size: 1, queueLimit: 1, taskTimeoutMs: CHECK_TIMEOUT_MS })
  try {
    return fileCheckSchema.parse(await pool.run({ path }))
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    return { type: 'unchecked', why: error.message }
  } finally {
    await pool.close()
  }
}

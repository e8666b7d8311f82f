import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, parse } from 'node:path'
import * as z from 'zod'
import type { Clock } from '../../lib/clock.ts'
import { createWorkerPool, WorkerError, type WorkerPool } from '../../lib/worker-pool.ts'
import type { Collections } from '../collection/collections.ts'
import type { ReadDocument } from '../collection/document.ts'
import { PDF } from './parse/media.ts'

/** What is to be read: a file, or bytes that are at hand. */
export interface Incoming {
  /** What it is called in the collection. */
  readonly source: string
  readonly mediaType: string
  readonly bytes: number
  /** Where it is no file: fetches it, with the type that it turns out to be of. */
  load?(signal: AbortSignal): Promise<Loaded>
}

export interface Loaded {
  readonly content: Uint8Array
  readonly mediaType: string
}

export interface IngestReport {
  readonly added: number
  readonly replaced: number
  readonly unchanged: number
  readonly chunks: number
  /** What an abort left: nobody has looked at it. */
  readonly unread: number
  readonly skipped: readonly { readonly source: string; readonly why: string }[]
}

export interface IngestOptions {
  readonly collections: Collections
  readonly collection: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called after each file with the number of those that are done. */
  readonly progress?: (done: number) => void
}

export const MAX_FILE_BYTES = 64 * 1024 * 1024
const MAX_CHUNKS = 100_000
/** What one file may cost to parse before it is given up. */
const PARSE_TIMEOUT_MS = 20_000
/** A PDF of the most pages that are read takes up to a minute by itself. */
const PDF_TIMEOUT_MS = 120_000
const PARSE_HEAP_MB = 512
/** Unpacked archives and streams lie outside the heap. */
const PARSE_EXTERNAL_MB = 768
const MAX_WORKERS = 4
/** A batch is written when it has so many chunks, so much text (UTF-16 units), or is so old. */
const BATCH_CHUNKS = 2_000
const BATCH_TEXT = 16 * 1024 * 1024
const BATCH_MS = 5_000

const resultSchema = z.object({
  text: z.string(),
  title: z.string(),
  charset: z.string().exactOptional(),
  chunks: z.array(
    z.object({
      start: z.int(),
      end: z.int(),
      kind: z.string(),
      headings: z.array(z.string()),
      page: z.int().exactOptional(),
    }),
  ),
})

/**
 * Reads files into a collection. What the collection holds already, by the hash of its bytes, is left alone, so that
 * a run that broke off goes on where it was when it is started again; another version takes the old one's
 * place. A file that cannot be read, or is not done within bounds of time and memory, is named and
 * skipped. An abort ends it between two files; what was written stays.
 */
export async function ingest(incoming: readonly Incoming[], options: IngestOptions): Promise<IngestReport> {
  const workers = Math.max(1, Math.min(MAX_WORKERS, availableParallelism() - 1))
  const parsers = { brief: parsersOf(workers, PARSE_TIMEOUT_MS), long: parsersOf(workers, PDF_TIMEOUT_MS) }
  const run = new Run(options, parsers)
  const left = incoming.values()
  const work = async (): Promise<void> => {
    for (const one of left) {
      if (options.signal.aborted) return
      await run.take(one)
    }
  }
  try {
    await Promise.all(Array.from({ length: workers }, work))
  } finally {
    run.flush()
    await Promise.all([parsers.brief.close(), parsers.long.close()])
  }
  return run.report(incoming.length)
}

/** Its workers start with the first file. */
function parsersOf(size: number, taskTimeoutMs: number): WorkerPool {
  return createWorkerPool({
    module: new URL('./parse-worker.ts', import.meta.url),
    size,
    queueLimit: size,
    taskTimeoutMs,
    heapMb: PARSE_HEAP_MB,
    externalMb: PARSE_EXTERNAL_MB,
  })
}

interface Parsers {
  readonly brief: WorkerPool
  /** For what takes long by its nature. */
  readonly long: WorkerPool
}

class Run {
  readonly #options: IngestOptions
  readonly #parsers: Parsers
  #batch: ReadDocument[] = []
  #began = 0
  #done = 0
  readonly #counts = { added: 0, replaced: 0, unchanged: 0, chunks: 0 }
  readonly #skipped: { source: string; why: string }[] = []

  constructor(options: IngestOptions, parsers: Parsers) {
    this.#options = options
    this.#parsers = parsers
  }

  async take(one: Incoming): Promise<void> {
    const { collections, collection, signal } = this.#options
    try {
      const read = await loaded(one, signal)
      const version = createHash('sha256').update(read.content).digest('hex')
      const before = collections.versionOf(collection, one.source)
      if (before === version) this.#counts.unchanged++
      else this.#add(await this.#read(one.source, read, version))
    } catch (error) {
      if (signal.aborted) return
      const stays =
        collections.versionOf(collection, one.source) === undefined ? '' : '; its earlier version stays'
      this.#skipped.push({ source: one.source, why: `${reasonOf(error, one.mediaType)}${stays}` })
    }
    this.#done++
    this.#options.progress?.(this.#done)
  }

  async #read(source: string, { content, mediaType }: Loaded, version: string): Promise<ReadDocument> {
    const own = new Uint8Array(content)
    const pool = mediaType === PDF ? this.#parsers.long : this.#parsers.brief
    const task = { bytes: own, mediaType }
    const parsed = resultSchema.parse(await pool.run(task, [own.buffer], this.#options.signal))
    if (parsed.chunks.length > MAX_CHUNKS) {
      throw new Error(`it comes to ${parsed.chunks.length} passages, and at most ${MAX_CHUNKS} are taken`)
    }
    if (parsed.chunks.length === 0) throw new Error('it holds no text')
    const name = basename(source)
    return {
      source,
      version,
      // With the encoding where it is not what one expects, so that a wrong guess can be seen.
      mediaType: parsed.charset === undefined ? mediaType : `${mediaType}; charset=${parsed.charset}`,
      ...(parsed.title === '' ? { title: name } : { title: parsed.title, name: parse(name).name }),
      bytes: content.length,
      text: parsed.text,
      chunks: parsed.chunks,
    }
  }

  #add(document: ReadDocument): void {
    if (this.#batch.length === 0) this.#began = this.#options.clock.elapsed()
    this.#batch.push(document)
    const chunks = this.#batch.reduce((sum, one) => sum + one.chunks.length, 0)
    const text = this.#batch.reduce((sum, one) => sum + one.text.length, 0)
    const old = this.#options.clock.elapsed() - this.#began > BATCH_MS
    if (chunks >= BATCH_CHUNKS || text >= BATCH_TEXT || old) this.flush()
  }

  /** Counted as it is written: what another process has put there meanwhile was not added by this one. */
  flush(): void {
    if (this.#batch.length > 0) {
      const put = this.#options.collections.put(this.#options.collection, this.#batch)
      this.#counts.added += put.added
      this.#counts.replaced += put.replaced
      this.#counts.unchanged += put.unchanged
      this.#counts.chunks += put.chunks
    }
    this.#batch = []
  }

  report(all: number): IngestReport {
    return { ...this.#counts, unread: all - this.#done, skipped: this.#skipped }
  }
}

async function loaded(one: Incoming, signal: AbortSignal): Promise<Loaded> {
  if (one.bytes > MAX_FILE_BYTES) {
    throw new Error(`it has ${one.bytes} bytes, and at most ${MAX_FILE_BYTES} are read; split it`)
  }
  if (one.load !== undefined) return await one.load(signal)
  return { content: await readFile(one.source, { signal }), mediaType: one.mediaType }
}

function reasonOf(error: unknown, mediaType: string): string {
  if (error instanceof WorkerError && error.fault === 'task-timeout') {
    return `it was not read within ${(mediaType === PDF ? PDF_TIMEOUT_MS : PARSE_TIMEOUT_MS) / 1_000} s`
  }
  if (error instanceof WorkerError && error.fault === 'crashed') {
    return `reading it took more than ${PARSE_EXTERNAL_MB} MiB of memory, or broke the parser`
  }
  return error instanceof Error ? error.message : String(error)
}

import { statfs } from 'node:fs'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'

const MIB = 1_048_576
const LOOK_EVERY_MS = 250
const MIN_FREE_BYTES = 64 * MIB
const MIN_FREE_SHARE = 0.05

export interface DiskOptions {
  readonly folder: string
  /** Overrides what follows from the size of the disk. */
  readonly minFreeBytes: number | undefined
  readonly clock: Clock
  /** Bytes that this process has written so far: between two looks they count as gone. */
  readonly writtenBytes: () => number
}

/**
 * DESIGN. Room on the disk is asked for when a request is admitted, so that an answer that has begun can be
 * recorded to its end: what is kept free is for the answers under way. The file system is looked at beside the
 * path, at most every LOOK_EVERY_MS and only while requests come; in between, what this process wrote since
 * counts as gone.
 */
export class Disk {
  readonly #options: DiskOptions
  #freeBytes = Number.POSITIVE_INFINITY
  #minBytes = 0
  #writtenThen = 0
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking = false

  constructor(options: DiskOptions) {
    this.#options = options
    this.#look()
  }

  /** What must stay free for requests to be admitted. */
  get minBytes(): number {
    return this.#minBytes
  }

  /** The refusal for a new request where the disk is too full; undefined where there is room. */
  refusal(): Refusal | undefined {
    if (this.#options.clock.elapsed() - this.#lookedAt >= LOOK_EVERY_MS) this.#look()
    const left = this.#freeBytes - (this.#options.writtenBytes() - this.#writtenThen)
    if (left >= this.#minBytes) return undefined
    const message =
      `The disk under ${this.#options.folder} has ${mib(Math.max(0, left))} free, and ${mib(this.#minBytes)} are kept for the ` +
      'records of answers under way. Nothing new is answered until there is room: free some space, shorten govern.retention, or move the home (UPSHIFT_HOME).'
    return refuse('disk_full', message, { retryAfterMs: 10_000 })
  }

  #look(): void {
    if (this.#looking) return
    this.#looking = true
    const writtenThen = this.#options.writtenBytes()
    statfs(this.#options.folder, (error, stats) => {
      this.#looking = false
      this.#lookedAt = this.#options.clock.elapsed()
      this.#writtenThen = writtenThen
      // A folder that cannot even be asked has no room that could be counted on.
      this.#freeBytes = error === null ? stats.bavail * stats.bsize : 0
      const total = error === null ? stats.blocks * stats.bsize : 0
      this.#minBytes = this.#options.minFreeBytes ?? Math.min(MIN_FREE_BYTES, total * MIN_FREE_SHARE)
    })
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

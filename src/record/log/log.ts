import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Entry, Stamped } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { isDiskFull } from '../../lib/disk-full.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { dayOf, dayOfDate } from '../../lib/utc.ts'
import type { RecordConfig } from '../config.ts'
import { HEADER, Lines, type Told } from './line.ts'
import { type LogOpened, type LogPosition, readLog } from './opening.ts'
import { type Segment, segmentName, utcDay } from './segments.ts'

/**
 * DESIGN. One writer appends lines to the newest segment. Entries that arrive within one turn of the event
 * loop are written by one `writeSync`, which measures cheaper and steadier than asynchronous writes at the
 * rates of a gateway; `append` resolves when the operating system has the bytes, so they survive the death of
 * the process. `fdatasync` runs beside it at least every SYNC_EVERY_MS (power loss may cost that much), or
 * is awaited with `durability: fsync`. A write that fails is rolled back to the last whole line and its
 * callers are refused: the log never holds half an entry before a whole one. Where a roll-back or a sync fails,
 * every later append is refused until a restart: what the disk has lost it may report as written next time.
 *
 * What an entry refers to (texts in the vault) goes to the operating system before it and is synced before it:
 * `beside`. A day's change and `segmentBytes` begin a new segment.
 */
export interface Log {
  /**
   * Appends an entry with what is told of its texts and the time that it bears, now where it is absent. Resolves once
   * it is durable as configured; rejects with `record_unavailable`. Entries that share their fate share the promise.
   */
  append(entry: Entry, told?: Told, at?: number): Promise<void>
  /** Resolves once everything appended so far is on the disk. */
  sync(): Promise<void>
  /** The sequence number that the next entry will get. */
  readonly nextSeq: number
  /** The latest time that an entry bears, in milliseconds since the epoch; 0 where there is none. */
  readonly newestAt: number
  /** Bytes that this process has written, for whoever watches the disk. */
  readonly writtenBytes: number
  /** What the start found and did. */
  readonly opened: LogOpened
  /** Why the log takes nothing any more, in words; undefined while it does. */
  readonly broken: string | undefined
  close(): Promise<void>
}

/** What must reach the operating system, and the disk, before the lines that refer to it. */
export interface Beside {
  /** Synchronous; where it throws the lines are not written, and their callers are refused. */
  flush(): void
  sync(): Promise<void>
}

export interface LogOptions {
  readonly folder: string
  readonly config: Pick<RecordConfig, 'durability' | 'segmentBytes'>
  readonly clock: Clock
  /** Entries before it are known already and not read. */
  readonly from?: LogPosition | undefined
  /** Without `from`: sees every entry written on or after this moment's UTC day, in order. */
  readonly since: number
  readonly visit: (entry: Stamped) => void
  readonly beside?: Beside
  /** Told after each sync which sequence number is the first that may not be on the disk. */
  readonly synced?: (nextSeq: number) => void
}

const SYNC_EVERY_MS = 100

/** Opens a log for writing, and makes its folder where it is not there. Throws UpshiftError where it is damaged. */
export function openLog(options: LogOptions): Log {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const { folder, from, since, visit } = options
  const found = readLog({ folder, from, since, visit })
  return new Writer(options, found)
}

interface Pending {
  readonly promise: Promise<void>
  resolve(): void
  reject(reason: unknown): void
}

class Writer implements Log {
  readonly opened: LogOpened
  nextSeq: number
  newestAt: number
  writtenBytes = 0
  readonly #options: LogOptions
  #descriptor: number | undefined
  #day = 0
  #size = 0
  readonly #lines = new Lines()
  #pending: Pending | undefined
  #dirty = false
  #syncing: Promise<void> | undefined
  /** Sealed segments whose last bytes are still on their way to the disk. */
  #sealing: Promise<void> = Promise.resolve()
  readonly #timer: NodeJS.Timeout
  #closed = false
  #fault: UpshiftError | undefined

  constructor(
    options: LogOptions,
    found: { newest: Segment | undefined; nextSeq: number; newestAt: number; opened: LogOpened },
  ) {
    this.#options = options
    this.nextSeq = found.nextSeq
    this.newestAt = found.newestAt
    this.opened = found.opened
    if (found.newest !== undefined) this.#open(found.newest.name, found.newest.day)
    this.#timer = setInterval(() => this.#syncBeside(), SYNC_EVERY_MS)
    this.#timer.unref()
  }

  get broken(): string | undefined {
    return this.#fault?.problem.message
  }

  append(entry: Entry, told?: Told, at = this.#options.clock.now()): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault)
    if (this.#closed) return Promise.reject(unavailable('the log is closed', undefined))
    this.#lines.add(entry, told, this.nextSeq, at)
    this.nextSeq += 1
    this.newestAt = Math.max(this.newestAt, at)
    if (this.#pending === undefined) {
      this.#pending = Promise.withResolvers<void>()
      setImmediate(() => this.#flush())
    }
    return this.#pending.promise
  }

  async sync(): Promise<void> {
    const last = this.#pending?.promise
    this.#flush()
    await last
    // One that is under way may have begun before the last write.
    await this.#syncing?.catch(() => undefined)
    if (this.#dirty) await this.#sync()
    if (this.#fault !== undefined) throw this.#fault
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const last = this.#pending?.promise
    this.#flush()
    this.#closed = true
    clearInterval(this.#timer)
    await last
    await this.#syncing?.catch(() => undefined)
    if (this.#dirty) await this.#sync()
    await this.#sealing
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** Writes everything that has gathered since the last turn of the loop. */
  #flush(): void {
    const pending = this.#pending
    if (pending === undefined) return
    const { count } = this.#lines
    const lines = this.#lines.take()
    this.#pending = undefined
    try {
      this.#options.beside?.flush()
      this.#write(lines, count)
    } catch (cause) {
      // The sequence numbers of what was not written are given out again: the log has no gaps.
      this.nextSeq -= count
      pending.reject(
        cause instanceof UpshiftError ? cause : unavailable('the log could not be written', cause),
      )
      return
    }
    this.#dirty = true
    if (this.#options.config.durability === 'batch') pending.resolve()
    else
      this.#durable().then(pending.resolve, (cause) => pending.reject(unavailable('fdatasync failed', cause)))
  }

  /** With `fsync`: one sync serves everybody who was written before it began. */
  async #durable(): Promise<void> {
    await this.#syncing?.catch(() => undefined)
    if (this.#dirty) await this.#sync()
    else await this.#syncing
    if (this.#fault !== undefined) throw this.#fault
  }

  #write(bytes: Buffer, count: number): void {
    const now = this.#options.clock.now()
    const full = this.#size + bytes.length > this.#options.config.segmentBytes && this.#size > HEADER.length
    if (this.#descriptor === undefined || full || dayOf(now) !== this.#day) {
      this.#rotate(this.nextSeq - count, utcDay(now))
    }
    this.#put(bytes)
  }

  #put(bytes: Buffer): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) throw new Error('no segment is open')
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written)
    } catch (error) {
      if (written > 0) this.#cutBack(descriptor)
      throw error
    }
    this.#size += bytes.length
    this.writtenBytes += bytes.length
  }

  #cutBack(descriptor: number): void {
    try {
      ftruncateSync(descriptor, this.#size)
    } catch (cause) {
      this.#fail('half an entry could not be cut away again', cause)
    }
  }

  #rotate(first: number, day: number): void {
    const previous = this.#descriptor
    this.#open(segmentName(first, day), day)
    if (previous === undefined) return
    const before = [this.#sealing, this.#syncing?.catch(() => undefined)]
    this.#sealing = (async () => {
      // A sync that is under way still needs the descriptor.
      await Promise.all(before)
      try {
        await toDisk(previous)
      } catch (cause) {
        this.#fail('fdatasync failed', cause)
      } finally {
        closeSync(previous)
      }
    })()
  }

  #open(name: string, day: number): void {
    const { folder } = this.#options
    const path = join(folder, name)
    const descriptor = openSync(path, 'a', 0o600)
    let { size } = fstatSync(descriptor)
    try {
      if (size === 0) {
        syncFolder(folder)
        size = writeSync(descriptor, HEADER)
        if (size < HEADER.length) throw new Error('no room for the header of a segment')
      }
    } catch (error) {
      closeSync(descriptor)
      // Nothing of it counts: what would follow half a header could not be read.
      rmSync(path, { force: true })
      throw error
    }
    this.#descriptor = descriptor
    this.#day = dayOfDate(day)
    this.#size = size
  }

  #syncBeside(): void {
    if (!this.#dirty || this.#syncing !== undefined) return
    // Nobody waits for it: the fault that it leaves refuses whoever comes next.
    this.#sync().catch(() => undefined)
  }

  #fail(what: string, cause: unknown): void {
    this.#fault ??= unavailable(what, cause)
    process.emitWarning(this.#fault)
  }

  #sync(): Promise<void> {
    this.#syncing ??= this.#syncOnce().finally(() => {
      this.#syncing = undefined
    })
    return this.#syncing
  }

  async #syncOnce(): Promise<void> {
    const descriptor = this.#descriptor
    const sealing = this.#sealing
    if (descriptor === undefined) return
    this.#dirty = false
    const upTo = this.nextSeq - this.#lines.count
    try {
      // First what the lines refer to: a line on the disk never names a text that is not.
      await this.#options.beside?.sync()
      await Promise.all([sealing, toDisk(descriptor)])
    } catch (cause) {
      this.#fail('fdatasync failed', cause)
      throw cause
    }
    if (this.#fault === undefined) this.#options.synced?.(upTo)
  }
}

function toDisk(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
  })
}

function unavailable(what: string, cause: unknown): UpshiftError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  const message = `The request was not recorded, so it is not answered: ${what}${why}. Check the disk under the home folder with \`upshift doctor\`.`
  return new UpshiftError({ code: isDiskFull(cause) ? 'disk_full' : 'record_unavailable', message }, cause)
}

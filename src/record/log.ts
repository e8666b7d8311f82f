import {
  closeSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Entry, Stamped } from '../contract/entry.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { syncFolder } from '../lib/sync-folder.ts'
import type { RecordConfig } from './config.ts'
import { encodeLine, scanLines } from './line.ts'

/**
 * DESIGN. One writer appends lines to the newest segment. Entries that arrive within one turn of the event
 * loop are written by one `writeSync`, which measures cheaper and steadier than asynchronous writes at the
 * rates of a gateway; `append` resolves when the operating system has the bytes, so they survive the death of
 * the process. `fdatasync` runs beside it at least every SYNC_EVERY_MS (power loss may cost that much), or
 * is awaited with `durability: fsync`. A write that fails is rolled back to the last whole line and its
 * callers are refused: the log never holds half an entry before a whole one. Where a roll-back or a sync fails,
 * every later append is refused until a restart: what the disk has lost it may report as written next time.
 *
 * A segment's name is its first sequence number and its UTC day, so that what happened since a day can be read
 * without reading everything. A day's change and `segmentBytes` begin a new one.
 */
export interface Log {
  /** Resolves with the stamped entry once it is durable as configured; rejects with `record_unavailable`. */
  append(entry: Entry): Promise<void>
  /** The sequence number that the next entry will get. */
  readonly nextSeq: number
  /** When the newest entry was written, in milliseconds since the epoch; 0 where there is none. */
  readonly newestAt: number
  /** What the start found and did. */
  readonly opened: LogOpened
  /** Why the log takes nothing any more, in words; undefined while it does. */
  readonly broken: string | undefined
  close(): Promise<void>
}

export interface LogOpened {
  readonly segments: number
  readonly entriesRead: number
  /** Bytes of a torn tail that were cut away, after a crash in the middle of a write. */
  readonly cutBytes: number
}

export interface LogOptions {
  readonly folder: string
  readonly config: RecordConfig
  readonly clock: Clock
  /** Sees every entry written on or after this moment's UTC day, in order. */
  readonly since: number
  readonly visit: (entry: Stamped) => void
}

const SYNC_EVERY_MS = 100
const DAY_MS = 86_400_000
const SEGMENT = /^(\d{12})-(\d{8})\.log$/

export function openLog(options: LogOptions): Log {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const names = readdirSync(options.folder)
    .filter((name) => SEGMENT.test(name))
    .sort()
  let nextSeq = 0
  let entriesRead = 0
  let cutBytes = 0
  let newestAt = 0
  for (const name of names) {
    const last = name === names.at(-1)
    if (!last && dayOf(name) < utcDay(options.since)) continue
    const path = join(options.folder, name)
    const bytes = readFileSync(path)
    const scan = scanLines(bytes, (entry) => {
      nextSeq = entry.seq + 1
      newestAt = Math.max(newestAt, entry.at)
      if (utcDay(entry.at) >= utcDay(options.since)) options.visit(entry)
    })
    entriesRead += scan.entries
    if (scan.entries === 0) nextSeq = Math.max(nextSeq, Number(name.slice(0, 12)))
    const torn = bytes.length - scan.wholeBytes
    if (scan.damaged || (torn > 0 && !last)) throw damagedError(path, scan.wholeBytes)
    if (torn > 0) {
      cut(path, scan.wholeBytes)
      cutBytes = torn
    }
  }
  const writer = new Writer(options, names.at(-1), nextSeq, newestAt)
  writer.opened = { segments: names.length, entriesRead, cutBytes }
  return writer
}

interface Pending {
  readonly promise: Promise<void>
  resolve(): void
  reject(reason: unknown): void
}

class Writer implements Log {
  opened: LogOpened = { segments: 0, entriesRead: 0, cutBytes: 0 }
  nextSeq: number
  newestAt: number
  readonly #options: LogOptions
  #descriptor: number | undefined
  #epochDay = 0
  #size = 0
  #lines = ''
  #pending: Pending | undefined
  #dirty = false
  #syncing = false
  readonly #timer: NodeJS.Timeout
  #closed = false
  #fault: UpshiftError | undefined

  constructor(options: LogOptions, newest: string | undefined, nextSeq: number, newestAt: number) {
    this.#options = options
    this.nextSeq = nextSeq
    this.newestAt = newestAt
    if (newest !== undefined) this.#open(newest)
    this.#timer = setInterval(() => this.#syncBeside(), SYNC_EVERY_MS)
    this.#timer.unref()
  }

  get broken(): string | undefined {
    return this.#fault?.problem.message
  }

  append(entry: Entry): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault)
    if (this.#closed) return Promise.reject(unavailable('the log is closed', undefined))
    const stamped = { ...entry, seq: this.nextSeq, at: this.#options.clock.now() }
    this.nextSeq += 1
    this.newestAt = stamped.at
    this.#lines += encodeLine(stamped)
    if (this.#pending === undefined) {
      this.#pending = Promise.withResolvers<void>()
      setImmediate(() => this.#flush())
    }
    return this.#pending.promise
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const last = this.#pending?.promise
    this.#flush()
    this.#closed = true
    clearInterval(this.#timer)
    await last
    if (this.#descriptor === undefined) return
    await this.#sync()
    closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** Writes everything that has gathered since the last turn of the loop. */
  #flush(): void {
    const pending = this.#pending
    if (pending === undefined) return
    const bytes = Buffer.from(this.#lines)
    this.#lines = ''
    this.#pending = undefined
    try {
      this.#write(bytes)
    } catch (cause) {
      // The sequence numbers of what was not written are given out again: the log has no gaps.
      this.nextSeq -= countLines(bytes)
      pending.reject(unavailable('the log could not be written', cause))
      return
    }
    this.#dirty = true
    if (this.#options.config.durability === 'batch') pending.resolve()
    else this.#sync().then(pending.resolve, (cause) => pending.reject(unavailable('fdatasync failed', cause)))
  }

  #write(bytes: Buffer): void {
    const now = this.#options.clock.now()
    const full = this.#size + bytes.length > this.#options.config.segmentBytes && this.#size > 0
    if (this.#descriptor === undefined || full || epochDay(now) !== this.#epochDay) {
      this.#rotate(utcDay(now), countLines(bytes))
    }
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
  }

  #cutBack(descriptor: number): void {
    try {
      ftruncateSync(descriptor, this.#size)
    } catch (cause) {
      this.#fail('half an entry could not be cut away again', cause)
    }
  }

  #rotate(day: number, linesAhead: number): void {
    const first = String(this.nextSeq - linesAhead).padStart(12, '0')
    const previous = this.#descriptor
    this.#open(`${first}-${day}.log`)
    if (previous === undefined) return
    fdatasync(previous, (error) => {
      if (error !== null) this.#fail('fdatasync failed', error)
      closeSync(previous)
    })
  }

  #open(name: string): void {
    const path = join(this.#options.folder, name)
    this.#descriptor = openSync(path, 'a', 0o600)
    this.#epochDay = epochDayOf(name)
    this.#size = fstatSync(this.#descriptor).size
    if (this.#size === 0) syncFolder(this.#options.folder)
  }

  #syncBeside(): void {
    if (!this.#dirty || this.#syncing) return
    // Nobody waits for it: the fault that it leaves refuses whoever comes next.
    this.#sync().catch(() => undefined)
  }

  #fail(what: string, cause: unknown): void {
    this.#fault ??= unavailable(what, cause)
    process.emitWarning(this.#fault)
  }

  async #sync(): Promise<void> {
    const descriptor = this.#descriptor
    if (descriptor === undefined) return
    this.#syncing = true
    this.#dirty = false
    try {
      await new Promise<void>((resolve, reject) => {
        fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
      })
    } catch (cause) {
      this.#fail('fdatasync failed', cause)
      throw cause
    } finally {
      this.#syncing = false
    }
  }
}

function cut(path: string, length: number): void {
  const descriptor = openSync(path, 'r+')
  try {
    ftruncateSync(descriptor, length)
  } finally {
    closeSync(descriptor)
  }
}

function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1
  return count
}

/** 20261121 for any moment of that UTC day. */
function utcDay(ms: number): number {
  return Number(new Date(ms).toISOString().slice(0, 10).replaceAll('-', ''))
}

function epochDay(ms: number): number {
  return Math.floor(ms / DAY_MS)
}

/** The days since the epoch of a segment's name, so that a write compares numbers and formats none. */
function epochDayOf(name: string): number {
  const day = dayOf(name)
  return epochDay(Date.UTC(Math.floor(day / 10_000), (Math.floor(day / 100) % 100) - 1, day % 100))
}

function dayOf(name: string): number {
  return Number(name.slice(13, 21))
}

function unavailable(what: string, cause: unknown): UpshiftError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  const message = `The request was not recorded, so it is not answered: ${what}${why}. Check the disk under the home folder with \`upshift doctor\`.`
  return new UpshiftError({ code: 'record_unavailable', message }, cause)
}

function damagedError(path: string, offset: number): UpshiftError {
  const message = `${path} is damaged at byte ${offset}: what follows is not a torn tail from a crash. Restore it from a backup, or move the file aside to start a new log without its history.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

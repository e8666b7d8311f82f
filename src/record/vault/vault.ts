import { hash } from 'node:crypto'
import type { TextRef } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { isDiskFull } from '../../lib/disk-full.ts'
import { newId } from '../../lib/ids.ts'
import { SQLITE, sqliteCode } from '../../lib/sqlite.ts'
import { isBlank } from '../../store/open.ts'
import { Appender } from './appender.ts'
import { listVaultFiles, type VaultFile } from './files.ts'
import { FRAME_HEADER_BYTES, writeHeader } from './frame.ts'
import type { RandomBytes } from './master.ts'
import { Subject } from './subject.ts'
import { type SubjectRow, Subjects } from './subjects.ts'

/**
 * DESIGN. The texts of requests, encrypted for whom they are about and outside the log. `seal` encrypts at once and
 * collects the frames of a tick in one buffer; `flush` hands them to the operating system, new subjects first, in
 * the same turn as the log's lines and before them: what an entry refers to is there when the entry is. Where a
 * flush fails nothing of the tick is kept, the offsets are given out again, and the log refuses the tick's entries.
 * No plain text stands in the buffer, and no text is readable once its subject's row in vault.db is gone.
 */
export interface Vault {
  /** Somebody's handle, by the name that texts are kept under; made where there is none. Throws as `seal`. */
  subject(name: string): Subject
  /**
   * Encrypts a text and says where it will lie after the next `flush`. Undefined where the subject was erased since
   * its handle was given. Throws UpshiftError `record_unavailable` or `disk_full` where the text cannot be kept.
   */
  seal(subject: Subject, text: Uint8Array | string): TextRef | undefined
  /** Synchronous. Throws UpshiftError where the operating system does not take it; then the tick is forgotten. */
  flush(): void
  /** Resolves once everything flushed is on the disk. Where the disk refuses, nothing more is taken until a restart. */
  sync(): Promise<void>
  /** The ref of a name that texts are kept under. */
  find(name: string): string | undefined
  /** The name behind a ref; undefined where it was erased or never was. */
  nameOf(ref: string): string | undefined
  /**
   * Destroys a subject's keys, and with them every text. From the moment of the call nobody reads or keeps a text of
   * it; it resolves once the key's bytes are gone from the disk, with false where there was no such subject. Rejects
   * with UpshiftError where bytes may remain. Safe to repeat.
   */
  erase(ref: string): Promise<boolean>
  /** The files of texts, the oldest first. */
  files(): VaultFile[]
  /** Deletes a file of texts; one that is not there is no error. */
  remove(file: number): void
  /** Bytes of texts that this process has written, for whoever watches the disk. */
  readonly writtenBytes: number
  /** After the last flush. */
  close(): Promise<void>
}

export interface VaultOptions {
  /** Of the files of texts: `<home>/vault`. */
  readonly folder: string
  /** `<home>/vault.db`. */
  readonly database: string
  /** 32 bytes. */
  readonly master: Uint8Array
  readonly clock: Clock
  readonly randomBytes: RandomBytes
  /** Size at which a new file begins. */
  readonly fileBytes?: number
  /** Subjects whose keys are held in memory. */
  readonly subjectsInMemory?: number
}

const FILE_BYTES = 256 * 1_048_576
const SUBJECTS_IN_MEMORY = 4_096
/** Of these, the ones that keep key stream made ahead, up to 64 KiB each. */
const AHEAD_MAX = 64
const PENDING_BYTES = 262_144
/** A buffer that grew beyond this for one tick is given back after it. */
const PENDING_KEPT_BYTES = 4 * 1_048_576
const TICK_BYTES_MAX = 256 * 1_048_576

/**
 * Throws UpshiftError where the master key is not the one that the vault was made with, and where there are texts and
 * the database of their keys is gone: a new one would hide that nobody can read them.
 */
export function openVault(options: VaultOptions): Vault {
  const { folder, database } = options
  if (isBlank(database) && listVaultFiles(folder).length > 0) throw lost(database, folder)
  return new FileVault(options)
}

function lost(database: string, folder: string): UpshiftError {
  const message = `${database} is not there or empty, and ${folder} holds texts that only the keys in it open. Put it back from a backup. If it is lost for good so are the texts: move ${folder} aside, and the next start begins a new vault.`
  return new UpshiftError({ code: 'conflict', message })
}

class FileVault implements Vault {
  readonly #options: VaultOptions
  readonly #subjects: Subjects
  readonly #appender: Appender
  readonly #inMemoryMax: number
  /** By name, the longest unused first. */
  readonly #live = new Map<string, Subject>()
  #newest: Subject | undefined
  readonly #fresh = new Map<Subject, SubjectRow>()
  /** Whose key stream is made ahead, the longest unused first. */
  readonly #ahead = new Set<Subject>()
  /** The last of them. */
  #latest: Subject | undefined
  #pending = Buffer.alloc(0)
  /** The same memory, four bytes at a time. */
  #words: Uint32Array = new Uint32Array(0)
  #used = 0
  #syncing: Promise<void> = Promise.resolve()
  #nextSync: Promise<void> | undefined
  #fault: UpshiftError | undefined

  constructor(options: VaultOptions) {
    this.#options = options
    this.#inMemoryMax = options.subjectsInMemory ?? SUBJECTS_IN_MEMORY
    this.#renew(PENDING_BYTES)
    const subjects = new Subjects(options.database, options.master)
    this.#subjects = subjects
    try {
      this.#appender = new Appender({
        folder: options.folder,
        fileBytes: options.fileBytes ?? FILE_BYTES,
        clock: options.clock,
        takeFileNumber: (least) => subjects.takeFileNumber(least),
      })
    } catch (error) {
      subjects.close()
      throw error
    }
  }

  get writtenBytes(): number {
    return this.#appender.writtenBytes
  }

  subject(called: string): Subject {
    // Half characters become one and the same in UTF-8, and would be two subjects of one name.
    const name = called.toWellFormed()
    const known = this.#known(name)
    if (known !== undefined) return known
    if (this.#fault !== undefined) throw this.#fault
    const { clock, randomBytes } = this.#options
    const now = clock.now()
    const ref = newId('sub', now)
    const [row, textKey] = this.#subjects.make(ref, name, now, randomBytes)
    const subject = new Subject(ref, name, textKey, 'fresh')
    this.#fresh.set(subject, row)
    this.#remember(subject)
    return subject
  }

  seal(subject: Subject, text: Uint8Array | string): TextRef | undefined {
    if (this.#fault !== undefined) throw this.#fault
    const live = subject.live ? subject : this.#again(subject)
    if (live === undefined) return undefined
    if (text.length > TICK_BYTES_MAX) throw tooMuch(text.length)
    if (this.#used === 0) this.#ready()
    const start = this.#used
    const from = start + FRAME_HEADER_BYTES
    // A UTF-16 unit becomes three bytes of UTF-8 at most.
    const room = from + (typeof text === 'string' ? text.length * 3 : text.length)
    if (room > this.#pending.length) this.#grow(room)
    const length = this.#put(text, from)
    const stream = this.#streamOf(live)
    const streamOffset = stream.encrypt(this.#pending, this.#words, from, length)
    writeHeader(this.#pending, start, stream.prefix, streamOffset, length)
    const end = from + length
    this.#used = end
    return {
      file: this.#appender.file,
      at: this.#appender.size + start,
      bytes: end - start,
      sha256: hash('sha256', this.#pending.subarray(start, end), 'base64url'),
    }
  }

  flush(): void {
    const used = this.#used
    if (used === 0 && this.#fresh.size === 0) return
    // First of all: whatever fails below, what was given out is taken back.
    this.#used = 0
    try {
      if (this.#fault !== undefined) throw this.#fault
      this.#store()
      if (used > 0) this.#appender.write(this.#pending.subarray(0, used))
    } catch (cause) {
      throw unkept('they could not be written', cause)
    } finally {
      if (this.#pending.length > PENDING_KEPT_BYTES) this.#renew(PENDING_BYTES)
    }
  }

  sync(): Promise<void> {
    // Whoever asks while one runs waits for the next one, which covers what was written since it began.
    if (this.#nextSync === undefined) {
      const begin = (): Promise<void> => {
        this.#nextSync = undefined
        return this.#sync()
      }
      this.#nextSync = this.#syncing.then(begin, begin)
      this.#syncing = this.#nextSync
    }
    return this.#nextSync
  }

  find(called: string): string | undefined {
    const name = called.toWellFormed()
    return this.#live.get(name)?.ref ?? this.#subjects.refOf(name)
  }

  nameOf(ref: string): string | undefined {
    return this.#inMemory(ref)?.name ?? this.#subjects.nameOf(ref)
  }

  async erase(ref: string): Promise<boolean> {
    const deleted = this.#subjects.delete(ref)
    const subject = this.#inMemory(ref)
    if (subject !== undefined) {
      this.#fresh.delete(subject)
      this.#forget(subject, 'erased')
    }
    await this.#subjects.scrub()
    return deleted || subject !== undefined
  }

  files(): VaultFile[] {
    return listVaultFiles(this.#options.folder)
  }

  remove(file: number): void {
    assert(this.#used === 0 || file !== this.#appender.file, 'texts that wait for the flush lose their file')
    this.#appender.remove(file)
  }

  async close(): Promise<void> {
    assert(this.#used === 0, 'the vault is closed after its last flush')
    try {
      await this.sync()
    } finally {
      this.#appender.close()
      this.#subjects.close()
      for (const subject of [...this.#live.values()]) this.#forget(subject, 'evicted')
    }
  }

  #known(name: string): Subject | undefined {
    if (this.#newest?.name === name && this.#newest.live) return this.#newest
    const live = this.#live.get(name)
    if (live !== undefined) {
      this.#live.delete(name)
      this.#live.set(name, live)
      this.#newest = live
      return live
    }
    const found = this.#subjects.load(name)
    if (found === undefined) return undefined
    const subject = new Subject(found[0], name, found[1], 'stored')
    this.#remember(subject)
    return subject
  }

  /** Of a handle whose key is no longer in memory: the same subject with its key, where there still is one. */
  #again(subject: Subject): Subject | undefined {
    if (subject.state === 'lost') throw unkept('the key of whom they are about was never written', undefined)
    if (subject.state === 'erased') return undefined
    const found = this.#known(subject.name)
    // Another ref: the subject was erased, and somebody of the same name came after.
    return found?.ref === subject.ref ? found : undefined
  }

  #streamOf(subject: Subject): ReturnType<Subject['stream']> {
    if (subject !== this.#latest) this.#goAhead(subject)
    return subject.stream(this.#options.randomBytes)
  }

  #goAhead(subject: Subject): void {
    this.#latest = subject
    this.#ahead.delete(subject)
    this.#ahead.add(subject)
    for (const oldest of this.#ahead) {
      if (this.#ahead.size <= AHEAD_MAX) break
      this.#ahead.delete(oldest)
      oldest.rest()
    }
  }

  #inMemory(ref: string): Subject | undefined {
    for (const subject of this.#live.values()) if (subject.ref === ref) return subject
    return undefined
  }

  #remember(subject: Subject): void {
    this.#live.set(subject.name, subject)
    this.#newest = subject
    this.#evict()
  }

  /** What is not written yet stays, and its flush comes back to it. */
  #evict(): void {
    for (const oldest of this.#live.values()) {
      if (this.#live.size <= this.#inMemoryMax || oldest.state === 'fresh') return
      this.#forget(oldest, 'evicted')
    }
  }

  #forget(subject: Subject, state: 'evicted' | 'erased' | 'lost'): void {
    subject.end(state)
    this.#ahead.delete(subject)
    if (this.#latest === subject) this.#latest = undefined
    this.#live.delete(subject.name)
    if (this.#newest === subject) this.#newest = undefined
  }

  /** Writes the new subjects. Where that fails they are nobody: whoever comes by their names again is made anew. */
  #store(): void {
    if (this.#fresh.size === 0) return
    try {
      this.#subjects.add(this.#fresh.values())
    } catch (error) {
      for (const subject of this.#fresh.keys()) this.#forget(subject, 'lost')
      this.#fresh.clear()
      throw error
    }
    for (const subject of this.#fresh.keys()) subject.state = 'stored'
    this.#fresh.clear()
    this.#evict()
  }

  #ready(): void {
    try {
      this.#appender.ready()
    } catch (cause) {
      throw unkept('no new file could be begun', cause)
    }
  }

  /** Writes the text as it is: it is encrypted where it lies, before anything can leave the buffer. */
  #put(text: Uint8Array | string, at: number): number {
    if (typeof text === 'string') return this.#pending.write(text, at)
    this.#pending.set(text, at)
    return text.length
  }

  #renew(bytes: number): void {
    // Slow: a buffer of its own, which begins at a word's boundary.
    this.#pending = Buffer.allocUnsafeSlow(bytes)
    this.#words = new Uint32Array(this.#pending.buffer, 0, bytes >>> 2)
  }

  #grow(end: number): void {
    if (end > TICK_BYTES_MAX) throw tooMuch(end)
    const before = this.#pending
    const wanted = Math.min(TICK_BYTES_MAX, Math.max(end, before.length * 2))
    this.#renew(Math.ceil(wanted / 4) * 4)
    before.copy(this.#pending, 0, 0, this.#used)
  }

  async #sync(): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault
    try {
      const ends = await Promise.allSettled([this.#subjects.sync(), this.#appender.sync()])
      for (const end of ends) if (end.status === 'rejected') throw end.reason
    } catch (cause) {
      // A disk that refused once may report the same bytes as written the next time.
      this.#fault = unkept('the disk refused to make them durable. Restart Upshift when it is mended', cause)
      throw this.#fault
    }
  }
}

function unkept(what: string, cause: unknown): UpshiftError {
  if (cause instanceof UpshiftError) return cause
  const full = isDiskFull(cause) || sqliteCode(cause) === SQLITE.full
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  const message =
    `The request's texts were not kept, so it is not answered: ${what}${why}. Check the disk under the home with ` +
    '`upshift doctor`, or keep no texts (UPSHIFT_TEXTS=none).'
  return new UpshiftError({ code: full ? 'disk_full' : 'record_unavailable', message }, cause)
}

function tooMuch(bytes: number): UpshiftError {
  const message =
    `The request's texts were not kept, so it is not answered: with it ${bytes} bytes of texts would wait to be ` +
    `written at once, and ${TICK_BYTES_MAX} may. Try again; a smaller request always fits.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

import { closeSync, fdatasync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { dateOf, dayOf } from '../../lib/utc.ts'
import { listVaultFiles, type VaultFile, vaultFileHeader, vaultFileName, vaultFileNumbers } from './files.ts'

export interface AppenderOptions {
  readonly folder: string
  /** A file of this size takes no further tick; one tick may go beyond. */
  readonly fileBytes: number
  readonly clock: Clock
  /** The number for a new file, at least `least`, never given again. */
  readonly takeFileNumber: (least: number) => number
}

/** Writes frames to the end of the newest file. A new one begins with each UTC day and at `fileBytes`. */
export class Appender {
  readonly #options: AppenderOptions
  #descriptor: number | undefined
  #file = 0
  #size = 0
  #day = 0
  #unsynced = false
  /** Files that are full and may not be on the disk yet: some, between two syncs. */
  #full: number[] = []
  writtenBytes = 0

  constructor(options: AppenderOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const newest = listVaultFiles(options.folder).at(-1)
    this.#day = dayOf(options.clock.now())
    // Whatever a crash left beyond the last whole frame stays where it is: nothing refers to it.
    if (newest !== undefined && newest.day === dateOf(this.#day)) this.#take(newest)
  }

  /** Where the next write goes. */
  get file(): number {
    return this.#file
  }

  get size(): number {
    return this.#size
  }

  /** Before the first frame of a tick: begins a new file where day or size ask for one. Throws where it cannot. */
  ready(): void {
    const day = dayOf(this.#options.clock.now())
    if (this.#descriptor !== undefined && day === this.#day && this.#size < this.#options.fileBytes) return
    this.#begin(day)
  }

  /**
   * Writes whole or throws; then the file is as it was. The position is given, so that what could not be cut
   * away either is overwritten by the next write.
   */
  write(bytes: Uint8Array): void {
    const descriptor = this.#descriptor
    if (descriptor === undefined) throw new Error('no file is open: ready() comes first')
    let written = 0
    try {
      while (written < bytes.length) {
        written += writeSync(descriptor, bytes, written, bytes.length - written, this.#size + written)
      }
    } catch (error) {
      this.#cutBack(descriptor)
      throw error
    }
    this.#size += bytes.length
    this.writtenBytes += bytes.length
    this.#unsynced = true
  }

  /** Resolves once everything written is on the disk. Not to be called again before it has ended. */
  async sync(): Promise<void> {
    const full = this.#full
    const open = this.#unsynced && this.#descriptor !== undefined ? [this.#descriptor] : []
    this.#full = []
    this.#unsynced = false
    // All of them have ended before any is closed.
    const ends = await Promise.allSettled([...full, ...open].map(toDisk))
    for (const descriptor of full) closeSync(descriptor)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** Deletes a file for good; one that is not there is no error. */
  remove(file: number): void {
    if (file === this.#file) this.#retire()
    rmSync(join(this.#options.folder, vaultFileName(file)), { force: true })
    syncFolder(this.#options.folder)
  }

  close(): void {
    for (const descriptor of this.#full) closeSync(descriptor)
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#full = []
    this.#descriptor = undefined
  }

  #take(newest: VaultFile): void {
    this.#descriptor = openSync(newest.path, 'r+')
    this.#file = newest.file
    this.#size = newest.bytes
  }

  #begin(day: number): void {
    const { folder } = this.#options
    const file = this.#options.takeFileNumber(Math.max(0, ...vaultFileNumbers(folder)) + 1)
    const path = join(folder, vaultFileName(file))
    const header = vaultFileHeader(dateOf(day))
    const descriptor = openSync(path, 'wx', 0o600)
    try {
      if (writeSync(descriptor, header, 0, header.length, 0) < header.length) {
        throw new Error(`the first line of ${path} was written in part: is the disk full?`)
      }
      syncFolder(folder)
    } catch (error) {
      closeSync(descriptor)
      rmSync(path, { force: true })
      throw error
    }
    this.#retire()
    this.#descriptor = descriptor
    this.#file = file
    this.#size = header.length
    this.#day = day
    this.#unsynced = true
  }

  #retire(): void {
    if (this.#descriptor !== undefined) this.#full.push(this.#descriptor)
    this.#descriptor = undefined
    this.#unsynced = false
  }

  #cutBack(descriptor: number): void {
    try {
      ftruncateSync(descriptor, this.#size)
    } catch {
      // What stays beyond the end is ciphertext that nothing refers to.
    }
  }
}

function toDisk(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)))
  })
}

import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * DESIGN. A small virtual machine may get its memory from its host only as it is written to, and give back what lies
 * free for seconds. There a page that a file takes for the first time costs ten times one that has been used before
 * (README's machine: 14 µs and 1.5), and a target that keeps a record pays it for every answer until the page cache has
 * filled the machine. A server that has been up for a day does not. So before each slice, whichever target's, a file is
 * written and removed: what it held is what the kernel gives out next.
 *
 * Checked against the real thing: with a page cache that 25 GB had filled, Upshift's main thread took as long for a
 * request as with this, and a fifth more on the fresh machine.
 */
const CHUNK = Buffer.alloc(1_048_576, 1)
/** More than a target writes in the longest slice: 8 KB an answer of the main row. */
const CHUNKS = 192
const PAGE_BYTES = 4_096
const PAGES = (CHUNKS * CHUNK.length) / PAGE_BYTES

export class UsedMemory {
  readonly #path: string
  #leastUs = Number.POSITIVE_INFINITY
  #mostUs = 0

  /** @param folder - where the file is written for the moment */
  constructor(folder: string) {
    this.#path = join(folder, 'used-memory')
  }

  /** Microseconds for a page of 4 KiB: the fastest pass and the slowest; null before the first. */
  get pageUs(): { readonly least: number; readonly most: number } | null {
    return this.#mostUs === 0 ? null : { least: this.#leastUs, most: this.#mostUs }
  }

  pass(): void {
    const begun = performance.now()
    const file = openSync(this.#path, 'w', 0o600)
    try {
      for (let chunk = 0; chunk < CHUNKS; chunk++) writeSync(file, CHUNK)
    } finally {
      closeSync(file)
      unlinkSync(this.#path)
    }
    const us = ((performance.now() - begun) * 1_000) / PAGES
    this.#leastUs = Math.min(this.#leastUs, us)
    this.#mostUs = Math.max(this.#mostUs, us)
  }
}

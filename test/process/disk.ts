import { execFileSync } from 'node:child_process'
import { appendFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'

/** A small disk of memory in an empty folder; undefined where this process may not mount one. */
export interface SmallDisk extends Disposable {
  readonly folder: string
  /** Takes what is free on it into a file, except for so many bytes. */
  fill(path: string, leftBytes: number): void
  /** Nothing may be written to it from now on. Throws where a file of it is open for writing. */
  makeReadOnly(): void
}

const MEGABYTES = 32
const BLOCK_BYTES = 4_096

export function mountDisk(folder: string): SmallDisk | undefined {
  try {
    run('mount', '-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', folder)
  } catch {
    return undefined
  }
  return {
    folder,
    fill,
    makeReadOnly: () => run('mount', '-o', 'remount,ro', folder),
    [Symbol.dispose]: () => run('umount', '-l', folder),
  }
}

function fill(path: string, leftBytes: number): void {
  const block = Buffer.alloc(BLOCK_BYTES, 1)
  writeFileSync(path, '')
  try {
    for (let bytes = 0; bytes < MEGABYTES * 1_048_576; bytes += BLOCK_BYTES) appendFileSync(path, block)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  truncateSync(path, Math.max(0, statSync(path).size - leftBytes))
}

function run(program: string, ...words: readonly string[]): void {
  execFileSync(program, words, { stdio: 'pipe' })
}

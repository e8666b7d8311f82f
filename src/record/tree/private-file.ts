import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { syncFolder } from '../../lib/sync-folder.ts'

/**
 * The text of a file that only its owner may read; undefined where there is none. Throws UpshiftError `conflict`
 * where others can read it, it belongs to someone else, or it is longer than `maxBytes`: with what to do.
 * `what` begins the sentence: "The signing key".
 */
export function readPrivate(path: string, what: string, maxBytes: number): string | undefined {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw failure(`${what} ${path} cannot be read: ${wordsOf(cause)}. Check who owns it.`, cause)
  }
  try {
    const stats = fs.fstatSync(file)
    if (!stats.isFile()) throw failure(`${path} is not a file. Move it aside and start again.`)
    if (process.getuid !== undefined && stats.uid !== process.getuid()) {
      throw failure(
        `${what} ${path} belongs to another user (uid ${stats.uid}). Start Upshift as that user, or give it a home of its own with UPSHIFT_HOME.`,
      )
    }
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
      const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
      throw failure(
        `${what} ${path} can be read by others (mode ${mode}). Close it with \`chmod 600 '${path}'\`.`,
      )
    }
    if (stats.size > maxBytes) throw failure(`${path} is too long for what it should hold. Move it aside.`)
    return fs.readFileSync(file, 'utf8')
  } finally {
    fs.closeSync(file)
  }
}

/**
 * Writes a file once, whole or not at all: under a name of its own first, synced, then linked to `path`, which
 * link(2) refuses where the name exists. False where another process was there first. `draft` is a suffix that
 * no other process uses.
 */
export function createOnce(path: string, text: string, draft: string, mode: number): boolean {
  const fresh = `${path}.new-${draft}`
  try {
    fs.rmSync(fresh, { force: true })
    writeSynced(fresh, text, mode)
    fs.linkSync(fresh, path)
  } catch (cause) {
    if (codeOf(cause) === 'EEXIST') return false
    throw failure(
      `${path} cannot be written: ${wordsOf(cause)}. Choose a home on a local disk (UPSHIFT_HOME).`,
      cause,
    )
  } finally {
    fs.rmSync(fresh, { force: true })
  }
  syncFolder(dirname(path))
  return true
}

/** Puts a text in place of a file, whole or not at all, and waits until its bytes are on the disk. */
export function replaceWhole(path: string, text: string, mode: number): void {
  const fresh = `${path}.new`
  fs.rmSync(fresh, { force: true })
  writeSynced(fresh, text, mode)
  fs.renameSync(fresh, path)
}

function writeSynced(path: string, text: string, mode: number): void {
  const file = fs.openSync(path, 'wx', mode)
  try {
    fs.writeFileSync(file, text)
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'conflict', message }, cause)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

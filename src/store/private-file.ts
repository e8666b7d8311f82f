import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UpshiftError } from '../contract/problem.ts'
import { syncFolder } from '../lib/sync-folder.ts'

// DESIGN. A home's secrets (owner's key, signing key, master key) are files that only their owner can read. Each is
// written whole under a name of its own, synced, and then linked to its place: link(2) fails where the name exists,
// so of two processes that start at once one wins and the other reads the winner's file, and a kill at any moment
// leaves either no file or a whole one. What a killed process left as a draft goes at the next start.

/** A file of the home that is written once, and what a refusal says about it. */
export interface PrivateFile {
  readonly path: string
  /** Begins a sentence: "The owner's key". */
  readonly what: string
  /** Bits for chmod; 0o600 where absent. */
  readonly mode?: number
  /** What else to do where others could read it; ends the sentence. */
  readonly whereOpen?: string
  /** What else to do where it cannot be written; ends the sentence. */
  readonly whereUnwritable?: string
}

/** What is to be written: a text, and a suffix that no other process uses for its draft. */
export interface Draft {
  readonly text: string
  readonly suffix: string
}

const MAX_FILE_BYTES = 4_096
/** Turns of read or create: a second one is needed only where the file vanished between the two. */
const MAX_TURNS = 8

/**
 * The text of a private file; the first start writes what `make` gives. Throws UpshiftError `conflict`, with what
 * to do, as `readPrivate`, and where it cannot be written.
 */
export function readOrCreate(
  file: PrivateFile,
  make: () => Draft,
): { readonly text: string; readonly created: boolean } {
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const text = readPrivate(file)
    if (text !== undefined) {
      sweep(file.path)
      return { text, created: false }
    }
    const draft = make()
    if (createOnce(file, draft)) return { text: draft.text, created: true }
  }
  throw failure(`${file.what} ${file.path} keeps vanishing. Is something deleting files in its folder?`)
}

/**
 * The text of a file that only its owner may read; undefined where there is none. Throws UpshiftError `conflict`
 * where others can read it, it belongs to someone else, or it is longer than a key can be.
 */
export function readPrivate({ path, what, whereOpen = '' }: PrivateFile): string | undefined {
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
        `${what} ${path} belongs to another user (uid ${stats.uid}), who could use it. Start Upshift as that user, ` +
          'or give it a home of its own with UPSHIFT_HOME.',
      )
    }
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
      throw failure(
        `${what} ${path} can be read by others (mode ${octal(stats.mode)}). Close it with \`chmod 600 '${path}'\`${whereOpen}.`,
      )
    }
    if (stats.size > MAX_FILE_BYTES) {
      throw failure(`${path} is too long for what it should hold. Move it aside and start again.`)
    }
    return fs.readFileSync(file, 'utf8')
  } finally {
    fs.closeSync(file)
  }
}

/** Writes a file once, whole or not at all. False where another process was there first: its file is to be read. */
export function createOnce(
  { path, what, mode = 0o600, whereUnwritable = '' }: PrivateFile,
  { text, suffix }: Draft,
): boolean {
  const fresh = `${path}${DRAFT}${suffix}`
  try {
    fs.rmSync(fresh, { force: true })
    writeSynced(fresh, text, mode)
    fs.linkSync(fresh, path)
  } catch (cause) {
    // ENOENT: the winner has swept this draft away.
    if (codeOf(cause) === 'EEXIST' || codeOf(cause) === 'ENOENT') return false
    throw failure(
      `${what} ${path} cannot be written: ${wordsOf(cause)}. ${stepAfter(cause, dirname(path))}${whereUnwritable}.`,
      cause,
    )
  } finally {
    fs.rmSync(fresh, { force: true })
  }
  syncFolder(dirname(path))
  sweep(path)
  return true
}

/** What to do about a folder that cannot be written; a sentence without its end. */
function stepAfter(cause: unknown, folder: string): string {
  switch (codeOf(cause)) {
    case 'EACCES':
    case 'EPERM':
      return `The user who runs Upshift may not write in ${folder}: see who owns it and its mode (\`ls -ld '${folder}'\`), or choose another home (UPSHIFT_HOME)`
    case 'EROFS':
      return `The file system of ${folder} is mounted read-only: mount it writable, or choose another home (UPSHIFT_HOME)`
    default:
      return 'Choose a home on a local disk (UPSHIFT_HOME)'
  }
}

/**
 * Puts a text in place of a file, whole or not at all, and waits until its bytes are on the disk; the name in its
 * folder may follow later (`syncFolder`). What a kill left of an earlier one is overwritten.
 */
export function replaceWhole(path: string, text: string, mode: number): void {
  const fresh = `${path}.fresh`
  fs.rmSync(fresh, { force: true })
  writeSynced(fresh, text, mode)
  fs.renameSync(fresh, path)
}

const DRAFT = '.new-'

/** Removes drafts that killed processes left. A living process whose draft goes reads the file that is there. */
function sweep(path: string): void {
  const folder = dirname(path)
  const prefix = `${basename(path)}${DRAFT}`
  for (const name of fs.readdirSync(folder)) {
    if (name.startsWith(prefix)) fs.rmSync(join(folder, name), { force: true })
  }
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

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

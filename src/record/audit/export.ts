import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { expectRecord } from '../kinds.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint, splitNotes } from '../tree/checkpoint.ts'
import { parseNote } from '../tree/note.ts'
import { readCheckpoint, verifierOf } from './home.ts'
import { call, isUrl } from './remote.ts'

/** A file of checkpoints holds one every ten minutes for two years. */
export const EXPORT_BYTES_MAX = 33_554_432

export interface Exported {
  readonly size: number
  /** Base64. */
  readonly root: string
  readonly to: string
  /** True where the file ended with this very checkpoint already. */
  readonly already: boolean
}

export interface ExportOptions {
  readonly home: string
  /** A file, or an http or https URL. */
  readonly to: string
  readonly insecure: boolean
  readonly signal: AbortSignal
}

/**
 * Hands the newest signed checkpoint to a place outside the home: appended to a file (0600 where it is new), or as
 * the body of a POST. Throws UpshiftError where there is none, or where the place does not take it.
 */
export async function exportCheckpoint({ home, to, insecure, signal }: ExportOptions): Promise<Exported> {
  const { note, checkpoint } = newestOf(home)
  const exported = { size: checkpoint.size, root: checkpoint.root.toString('base64'), to }
  if (!isUrl(to)) return { ...exported, already: !appendNote(to, note) }
  await call({ url: to, method: 'POST', body: note, insecure, signal })
  return { ...exported, already: false }
}

/** The newest checkpoint, its signature checked with the home's key or a given one. */
export function newestOf(home: string, verifierKey?: string): { note: string; checkpoint: Checkpoint } {
  expectRecord(home)
  const verifier = verifierOf(home, verifierKey)
  const note = readCheckpoint(home)
  const opened = verifier && note !== undefined ? openCheckpoint(note, verifier) : undefined
  if (note !== undefined && opened?.type === 'signed') return { note, checkpoint: opened.checkpoint }
  const why = opened?.type === 'refused' ? `its checkpoint ${opened.why}` : 'it has no key or no checkpoint'
  const message = `${home} has no signed checkpoint: ${why}. Start the server once if it is new; otherwise \`upshift audit verify\` says more.`
  throw new UpshiftError({ code: 'conflict', message })
}

/** False where the file ends with this very note. */
function appendNote(path: string, note: string): boolean {
  const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_APPEND
  const file = openAt(path, flags)
  try {
    const { size } = fs.fstatSync(file)
    if (size > EXPORT_BYTES_MAX) {
      throw failure(
        `${path} is larger than ${EXPORT_BYTES_MAX} bytes. Export to a new file, and keep this one.`,
      )
    }
    const text = Buffer.alloc(size)
    fs.readSync(file, text, 0, size, 0)
    const last = splitNotes(text.toString('utf8')).at(-1)
    if (last === note) return false
    if (last !== undefined && parseCheckpoint(parseNote(last)?.text ?? '') === undefined) {
      throw failure(
        `${path} does not end with a signed checkpoint, so it is no file of them: nothing was added. Choose another file.`,
      )
    }
    writeWhole(file, path, note, size)
    if (size === 0) syncFolder(dirname(path))
    return true
  } finally {
    fs.closeSync(file)
  }
}

/** Half a checkpoint at the end would be in the way of every later one: where there is no room, none of it stays. */
function writeWhole(file: number, path: string, note: string, size: number): void {
  try {
    fs.writeFileSync(file, note)
    fs.fsyncSync(file)
  } catch (cause) {
    if (fs.fstatSync(file).isFile()) fs.ftruncateSync(file, size)
    const why = cause instanceof Error ? cause.message : String(cause)
    throw failure(
      `${path} took no checkpoint: ${why}. See to the room on its disk, then export again.`,
      cause,
    )
  }
}

function openAt(path: string, flags: number): number {
  try {
    return fs.openSync(path, flags, 0o600)
  } catch (cause) {
    const why = isMissing(cause)
      ? 'its folder does not exist'
      : cause instanceof Error
        ? cause.message
        : String(cause)
    throw failure(`${path} cannot be written: ${why}.`, cause)
  }
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'conflict', message }, cause)
}

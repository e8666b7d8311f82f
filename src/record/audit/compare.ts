import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { type Checkpoint, openCheckpoint, splitNotes } from '../tree/checkpoint.ts'
import type { Verifier } from '../tree/note.ts'
import { provesConsistency } from '../tree/proof.ts'
import { consistencyPath, rootAt } from '../tree/stored.ts'
import { openStored, type StoredFile } from '../tree/stored-file.ts'
import { EXPORT_BYTES_MAX, newestOf } from './export.ts'
import { HASHES_FILE, verifierOf } from './home.ts'
import { call, isUrl } from './remote.ts'

export interface CompareProblem {
  /**
   * `rollback`: the exported log was longer. `fork`: it had other records. `other-log`: not of this log at all.
   * `unreadable`: no checkpoint that is signed by this log's key. `tree-damaged`: the stored hashes do not give
   * today's root, so that nothing can be proven from them.
   */
  readonly kind: 'rollback' | 'fork' | 'other-log' | 'unreadable' | 'tree-damaged'
  /** Which of the exported checkpoints, from 1. */
  readonly number?: number
  readonly size?: number
  readonly detail: string
}

export interface Comparison {
  readonly ok: boolean
  /** Today's checkpoint. */
  readonly size: number
  /** Base64. */
  readonly root: string
  /** Exported checkpoints read. */
  readonly compared: number
  /** Size of the newest of them that today's log extends; null where it extends none. */
  readonly extends: number | null
  readonly problems: readonly CompareProblem[]
}

export interface CompareOptions {
  readonly home: string
  /** A file, or an http or https URL, with checkpoints that were exported. */
  readonly from: string
  readonly verifierKey?: string
  readonly insecure: boolean
  readonly signal: AbortSignal
}

/** Problems listed; where there are more, the first tell enough. */
const MAX_PROBLEMS = 100

/**
 * Proves that today's log extends each of the checkpoints that were exported before: none of the records that they
 * cover was changed or taken away since. Throws UpshiftError where there is nothing to compare.
 */
export async function compareHome(options: CompareOptions): Promise<Comparison> {
  const { home, from, verifierKey } = options
  const notes = splitNotes(await readExports(options))
  if (notes.length === 0) {
    throw new UpshiftError({
      code: 'not_found',
      message: `${from} holds no checkpoint. \`upshift audit export\` writes one.`,
    })
  }
  const { checkpoint } = newestOf(home, verifierKey)
  const verifier = verifierOf(home, verifierKey)
  if (verifier === undefined) throw new Error('a checkpoint was checked without a key')
  const stored = openStored(join(home, HASHES_FILE))
  const problems: CompareProblem[] = []
  let newest: number | null = null
  try {
    for (const [at, note] of notes.entries()) {
      const problem = compareOne(note, checkpoint, verifier, stored)
      if (typeof problem === 'number') newest = Math.max(newest ?? 0, problem)
      else if (problems.length < MAX_PROBLEMS) problems.push({ ...problem, number: at + 1 })
    }
  } finally {
    stored.close()
  }
  const { size, root } = checkpoint
  const ok = problems.length === 0
  return { ok, size, root: root.toString('base64'), compared: notes.length, extends: newest, problems }
}

async function readExports({ from, insecure, signal }: CompareOptions): Promise<string> {
  if (isUrl(from)) return call({ url: from, method: 'GET', insecure, signal })
  try {
    // Not by its size: it may be a pipe from where the checkpoints are kept.
    const bytes = await buffer(createReadStream(from, { end: EXPORT_BYTES_MAX, signal }))
    if (bytes.length <= EXPORT_BYTES_MAX) return bytes.toString('utf8')
  } catch (cause) {
    if (isMissing(cause)) {
      throw new UpshiftError({ code: 'not_found', message: `There is no file ${from}.` }, cause)
    }
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EISDIR')) throw cause
    const message = `${from} is a folder. Name the file that \`upshift audit export\` has written.`
    throw new UpshiftError({ code: 'invalid_request', message }, cause)
  }
  throw new UpshiftError({
    code: 'invalid_request',
    message: `${from} is too large to be a file of checkpoints.`,
  })
}

/** The size of the exported checkpoint where today's log extends it. */
function compareOne(
  note: string,
  today: Checkpoint,
  verifier: Verifier,
  stored: StoredFile,
): number | CompareProblem {
  const opened = openCheckpoint(note, verifier)
  if (opened.type === 'refused') {
    const kind =
      opened.checkpoint !== undefined && opened.checkpoint.origin !== verifier.name
        ? 'other-log'
        : 'unreadable'
    return { kind, detail: `The exported checkpoint ${opened.why}.` }
  }
  const { size, root } = opened.checkpoint
  if (size > today.size) {
    const detail = `${size} records had been signed for, and today's checkpoint covers ${today.size}: an older copy of the home was put back, or the log was cut.`
    return { kind: 'rollback', size, detail }
  }
  if (stored.size < today.size) return damaged(size, `end after ${stored.size} of ${today.size} records`)
  const path = consistencyPath(size, today.size, stored.read)
  if (provesConsistency({ oldSize: size, oldRoot: root, size: today.size, root: today.root, path }))
    return size
  if (
    !provesConsistency({
      oldSize: size,
      oldRoot: rootAt(size, stored.read),
      size: today.size,
      root: today.root,
      path,
    })
  ) {
    return damaged(size, "do not give today's root")
  }
  const detail = `The first ${size} records are not those that were signed for then: the log was changed since, or is another copy that went its own way.`
  return { kind: 'fork', size, detail }
}

function damaged(size: number, what: string): CompareProblem {
  const detail = `The stored hashes ${what}, so nothing can be proven from them. \`upshift audit verify\` names what was changed.`
  return { kind: 'tree-damaged', size, detail }
}

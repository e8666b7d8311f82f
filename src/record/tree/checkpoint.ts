import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from '../../lib/missing.ts'
import { HASH_BYTES } from './hash.ts'
import { decodeBase64, isSignedBy, parseNote, type Verifier } from './note.ts'

/** In the `tree` folder. */
export const NEWEST_FILE = 'checkpoint'

/**
 * What a log commits to at one size. On paper: the origin, the size and the root, a line each, as a signed note.
 * Source: C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint).
 */
export interface Checkpoint {
  /** Which log: the key's name. */
  readonly origin: string
  /** Entries that it covers. */
  readonly size: number
  readonly root: Buffer
}

/** The text of a checkpoint, without its signature. */
export function encodeCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** Undefined where the text is no checkpoint. Extension lines are allowed and not read. */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  if (!text.endsWith('\n')) return undefined
  const lines = text.slice(0, -1).split('\n')
  const [origin, digits, base64] = lines
  if (origin === undefined || origin === '' || digits === undefined || base64 === undefined) return undefined
  if (lines.slice(3).some((line) => line === '')) return undefined
  if (!/^(0|[1-9]\d{0,15})$/.test(digits) || !Number.isSafeInteger(Number(digits))) return undefined
  const root = decodeBase64(base64)
  return root?.length === HASH_BYTES ? { origin, size: Number(digits), root } : undefined
}

export type OpenedNote =
  | { readonly type: 'signed'; readonly checkpoint: Checkpoint }
  /** `checkpoint` is what it claims, where that much can be read. */
  | { readonly type: 'refused'; readonly why: string; readonly checkpoint: Checkpoint | undefined }

/** Reads a signed checkpoint and checks origin and signature. `why` completes a sentence: "the checkpoint …". */
export function openCheckpoint(text: string, verifier: Verifier): OpenedNote {
  const note = parseNote(text)
  const checkpoint = note === undefined ? undefined : parseCheckpoint(note.text)
  if (note === undefined || checkpoint === undefined) {
    return { type: 'refused', why: 'is not a signed checkpoint that can be read', checkpoint: undefined }
  }
  if (checkpoint.origin !== verifier.name) {
    const why = `is of another log: its origin is ${checkpoint.origin}, and the key is that of ${verifier.name}`
    return { type: 'refused', why, checkpoint }
  }
  if (!isSignedBy(note, verifier)) {
    return { type: 'refused', why: `is not signed by the key ${verifier.name}+${verifier.keyId}`, checkpoint }
  }
  return { type: 'signed', checkpoint }
}

/** Cuts a text of one signed note after another into notes; what is none stays as it is, for `openCheckpoint`. */
export function splitNotes(text: string): string[] {
  const notes: string[] = []
  let lines: string[] = []
  for (const line of text.split('\n')) {
    const last = lines.at(-1)
    const isOver = last?.startsWith('— ') === true && !line.startsWith('— ')
    if (isOver) {
      notes.push(`${lines.join('\n')}\n`)
      lines = []
    }
    if (lines.length > 0 || line !== '') lines.push(line)
  }
  if (lines.some((line) => line !== '')) notes.push(lines.join('\n'))
  return notes
}

/** The newest signed checkpoint in a `tree` folder; undefined where there is none. */
export function readNewest(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, NEWEST_FILE), 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

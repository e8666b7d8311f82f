import { setImmediate as turn } from 'node:timers/promises'
import { HomeError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { splitLine } from './line.ts'
import { listSegments, readLines } from './segments.ts'

/** What a look at the lines of a log found. */
export interface Looked {
  /** Bytes that were read. */
  readonly bytes: number
  /** False where older segments were left out. */
  readonly whole: boolean
  /** The first line of a segment whose checksum does not hold. */
  readonly damage: { readonly path: string; readonly offset: number } | undefined
}

/** Read at once, before others have their turn: some milliseconds. */
const PIECE_BYTES = 4 * 1_048_576
/** A line that no piece of this size holds is none. */
const PIECE_BYTES_MAX = 32 * 1_048_576

/**
 * Looks whether every whole line of a log can be read, beside the process that writes it: the newest segments first, up
 * to `bytesMax`. A start reads only what its snapshot does not stand for, so damage may lie hidden until the snapshot
 * is gone. What follows the last line feed is no line yet. That nothing is missing or forged is the audit's to say.
 * Throws UpshiftError where a segment cannot be read, or is of a newer format.
 */
export async function findDamage(folder: string, bytesMax: number): Promise<Looked> {
  const segments = listSegments(folder).reverse()
  let bytes = 0
  for (const [index, { path }] of segments.entries()) {
    if (bytes >= bytesMax) return { bytes, whole: false, damage: undefined }
    try {
      const { end, offset } = await readSegment(path)
      bytes += end
      if (offset !== undefined) {
        return { bytes, whole: index === segments.length - 1, damage: { path, offset } }
      }
    } catch (error) {
      // Retention removes the oldest ones meanwhile.
      if (!isMissing(error)) throw unreadable(path, error)
    }
  }
  return { bytes, whole: true, damage: undefined }
}

/** The system's words for a disk that fails name no file. */
function unreadable(path: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'syscall' in cause)) return cause
  const message = `${path} cannot be read: ${cause.message}. See who owns it, its mode, and whether its disk is sound.`
  return new HomeError({ code: 'record_unavailable', message }, cause)
}

async function readSegment(path: string): Promise<{ end: number; offset: number | undefined }> {
  let at = 0
  let piece = PIECE_BYTES
  for (;;) {
    let offset: number | undefined
    const visit = (line: { readonly start: number; readonly bytes: Buffer }): boolean => {
      if (splitLine(line.bytes) === undefined) offset = line.start
      return offset === undefined
    }
    const wanted = at + piece
    const { end, size } = readLines(path, at, visit, wanted)
    if (offset !== undefined) return { end, offset }
    if (size < wanted) return { end, offset: undefined }
    if (end > at) piece = PIECE_BYTES
    else if (piece < PIECE_BYTES_MAX) piece *= 2
    else return { end, offset: at }
    at = end
    await turn()
  }
}

import { join } from 'node:path'
import { isRefusal, type Refusal, refuse, UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { expectRecord } from '../kinds.ts'
import { splitLine } from '../log/line.ts'
import { listSegments, readLines, type Segment } from '../log/segments.ts'
import { openCheckpoint } from '../tree/checkpoint.ts'
import { encodeVerifier, type Verifier } from '../tree/note.ts'
import { inclusionPath } from '../tree/stored.ts'
import { openStored } from '../tree/stored-file.ts'
import { BUNDLE_ENTRIES_MAX, type Bundle, checkBundle, isAbout } from './bundle.ts'
import { HASHES_FILE, LOG_FOLDER, readCheckpoint, verifierOf } from './home.ts'

export interface ProveOptions {
  readonly home: string
  /** An id (`req_…`, `fb_…`, `era_…`, `key_…`), or a sequence number in digits. */
  readonly what: string
  readonly signal: AbortSignal
}

export interface Proven {
  readonly bundle: Bundle
  /** Sequence numbers of entries about it that no checkpoint covers yet, so that they are not in the bundle. */
  readonly uncovered: readonly number[]
}

/** One entry about what is to be proven. */
interface Found {
  readonly index: number
  readonly json: string
}

/** What begins a story: no entry about the same id is older. */
const BEGINNINGS = new Set(['opened', 'refused', 'feedback', 'erasure-begun', 'forget-begun'])

/**
 * Proves every entry about an id from a home's files, which may be in use. Refuses with `not_found` where no entry
 * is about it, and with `conflict` where none of them is covered by a checkpoint yet, or where log and tree do not
 * agree: a proof that does not hold is never given out.
 */
export async function prove(options: ProveOptions): Promise<Proven | Refusal> {
  const { home, what } = options
  expectRecord(home)
  const verifier = verifierOf(home, undefined)
  const note = readCheckpoint(home)
  const opened = verifier && note !== undefined ? openCheckpoint(note, verifier) : undefined
  if (verifier === undefined || note === undefined || opened?.type !== 'signed') {
    const why = opened?.type === 'refused' ? ` The checkpoint ${opened.why}.` : ''
    return refuse(
      'conflict',
      `${home} has no signed checkpoint to prove against.${why} \`upshift audit verify\` says more.`,
    )
  }
  const all = await findEntries(options)
  if (isRefusal(all)) return all
  const { size } = opened.checkpoint
  const covered = all.filter(({ index }) => index < size)
  const uncovered = all.filter(({ index }) => index >= size).map(({ index }) => index)
  if (covered.length === 0) {
    return refuse(
      'conflict',
      `No signed checkpoint covers the entries about ${what} yet. While the server runs one follows within seconds: try again. Where none runs, the next start signs one.`,
    )
  }
  const stored = openStored(join(home, HASHES_FILE))
  try {
    const entries = covered.map(({ index, json }) => ({
      index,
      entry: json,
      path: inclusionPath(index, size, stored.read).map((hash) => hash.toString('base64')),
    }))
    const bundle: Bundle = {
      format: 'upshift-proof 1',
      about: what,
      verifierKey: keyOf(verifier),
      checkpoint: note,
      entries,
    }
    const check = checkBundle(bundle)
    if (check.ok) return { bundle, uncovered }
    return refuse(
      'conflict',
      `The log, its tree and the checkpoint do not agree. ${check.why} \`upshift audit verify\` names what was changed.`,
    )
  } finally {
    stored.close()
  }
}

async function findEntries({ home, what, signal }: ProveOptions): Promise<Found[] | Refusal> {
  let segments: Segment[]
  try {
    segments = listSegments(join(home, LOG_FOLDER))
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new UpshiftError({ code: 'not_found', message: `There is no record in ${home}.` }, cause)
  }
  const seq = /^\d{1,15}$/.test(what) ? Number(what) : undefined
  const found: Found[] = []
  for (const segment of candidates(segments, seq)) {
    signal.throwIfAborted()
    const { entries, isWhole } = searchSegment(segment, what, seq)
    found.unshift(...entries)
    if (found.length > BUNDLE_ENTRIES_MAX) {
      return refuse(
        'invalid_request',
        `More than ${BUNDLE_ENTRIES_MAX} entries are about ${what}: prove one by its sequence number.`,
      )
    }
    if (isWhole) break
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (found.length > 0) return found
  return refuse(
    'not_found',
    `No entry in the log is about ${what}. It may have expired, or \`upshift logs search\` finds its id.`,
  )
}

/** The newest first: who asks for a proof asks for something recent. */
function candidates(segments: readonly Segment[], seq: number | undefined): Segment[] {
  if (seq === undefined) return segments.toReversed()
  return segments.filter(({ first }) => first <= seq).slice(-1)
}

function searchSegment(
  { path, first }: Segment,
  what: string,
  seq: number | undefined,
): { entries: Found[]; isWhole: boolean } {
  const mark = seq === undefined ? Buffer.from(JSON.stringify(what)) : undefined
  const entries: Found[] = []
  let index = first - 1
  let isWhole = false
  readLines(path, 0, ({ bytes }) => {
    index += 1
    if (mark === undefined ? index !== seq : !bytes.includes(mark)) return true
    const json = splitLine(bytes)?.toString('utf8')
    if (json === undefined || !isAbout(json, what, index)) return true
    entries.push({ index, json })
    isWhole ||= seq !== undefined || begins(json, what)
    return seq === undefined
  })
  return { entries, isWhole }
}

function begins(json: string, what: string): boolean {
  const entry: { id?: unknown; type?: unknown } = JSON.parse(json)
  return entry.id === what && BEGINNINGS.has(String(entry.type))
}

function keyOf({ name, publicKey }: Verifier): string {
  return encodeVerifier(name, publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
}

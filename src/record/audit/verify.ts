import { statSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { expectRecord } from '../kinds.ts'
import { listSegments, type Segment } from '../log/segments.ts'
import { openCheckpoint } from '../tree/checkpoint.ts'
import type { Verifier } from '../tree/note.ts'
import { openStored, type StoredFile } from '../tree/stored-file.ts'
import { Expiries } from './expiry.ts'
import { type Finding, Findings } from './finding.ts'
import { CHECKPOINT_FILE, HASHES_FILE, KEY_FILE, LOG_FOLDER, readCheckpoint, verifierOf } from './home.ts'
import { judge, judgeTail, type Signed } from './judge.ts'
import { eachLine } from './line-reader.ts'
import { LogCheck, type SignedAnew } from './log-check.ts'
import { TextCheck } from './text-check.ts'
import { TreeCheck } from './tree-check.ts'

/**
 * DESIGN. An audit reads a home's files and nothing else, and writes none. It may run beside the server: the
 * checkpoint is read first, then how many hashes there are, then the log, each of which was written after the one
 * before it, so that whatever the first two speak of must be found in the log. One pass over the log, in bounded
 * memory, compares each record with its stored leaf, and each stored node with the two below it; the root over the
 * stored leaves must be the signed one. So the stored leaves are proven by the signature and the records by
 * the leaves, and a record that differs has a name. Only where something differs is more work done.
 */
export interface VerifyOptions {
  readonly home: string
  /** A verifier key from a safer place than the home; its own `audit.pub` where absent. */
  readonly verifierKey?: string
  /** False: the texts in the vault are not read. */
  readonly texts?: boolean
  readonly signal: AbortSignal
  progress?(doneBytes: number, totalBytes: number): void
}

export interface VerifyResult {
  readonly ok: boolean
  /** Records that the log holds or held: one beyond the last. */
  readonly size: number
  /** Records that were read; fewer than `size` where some have expired. */
  readonly entries: number
  /** Base64 of the root that the checkpoint signed; null where there is none. */
  readonly root: string | null
  readonly checkpoint: {
    readonly size: number
    /** When the last record that it covers was written, milliseconds since the epoch. */
    readonly at?: number
  } | null
  /** Records behind the checkpoint: nothing vouches for them yet. */
  readonly uncovered: number
  /** Bytes of a line that a crash has torn; the next start cuts them. */
  readonly tornBytes: number
  /** The newest start at which the tree was gone and was made anew over the records before it; null where none was. */
  readonly signedAnew: SignedAnew | null
  /** Null where the texts were not read. */
  readonly texts: { readonly checked: number; readonly expired: number } | null
  readonly problems: readonly Finding[]
  /** Problems beyond those listed. */
  readonly unlisted: number
}

/** Tries where retention removes files while they are read. */
const MAX_TURNS = 3

/**
 * Checks a home's record against its signed checkpoint. Throws UpshiftError `not_found` where there is no log, and
 * `conflict` where its files keep vanishing while they are read.
 */
export async function verifyHome(options: VerifyOptions): Promise<VerifyResult> {
  expectRecord(options.home)
  const verifier = verifierOf(options.home, options.verifierKey)
  let cause: unknown
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const note = readCheckpoint(options.home)
    const stored = openStored(join(options.home, HASHES_FILE))
    try {
      return await verifyOnce(options, verifier, note, stored)
    } catch (error) {
      if (!isMissing(error)) throw error
      cause = error
    } finally {
      stored.close()
    }
  }
  const message = `Files in ${options.home} vanished while they were read, ${MAX_TURNS} times. Is the home being moved? Try again.`
  throw new UpshiftError({ code: 'conflict', message }, cause)
}

async function verifyOnce(
  options: VerifyOptions,
  verifier: Verifier | undefined,
  note: string | undefined,
  stored: StoredFile,
): Promise<VerifyResult> {
  const segments = segmentsOf(options.home, note === undefined && stored.records === 0)
  const findings = new Findings()
  const signed = signedOf(note, verifier, findings)
  const signedSize = signed?.type === 'signed' ? signed.checkpoint.size : 0
  const expiries = new Expiries()
  const tree = new TreeCheck(stored, signed?.checkpoint)
  const texts = options.texts === false ? undefined : new TextCheck(options.home, findings)
  const log = new LogCheck({ tree, findings, expiries, texts, lastCovered: signedSize - 1 })
  const { lastFile, lastBytes } = await readSegments(options, segments, log).finally(() => texts?.close())
  const known = Math.max(signedSize, stored.size)
  const torn = log.alignment.end(known, lastFile, lastBytes)
  judge(tree, signed, findings)
  if (log.alignment.tail !== undefined) judgeTail(log.alignment.tail, tree, signedSize, findings)
  else if (stored.size < signedSize) findings.add(cutTree(stored.size, signedSize))
  const { holes } = log.alignment
  const expiredFiles = expiries.judge({ holes, stored, verifier, signedSize, findings })
  const expired = texts?.end(expiredFiles, signedSize) ?? 0
  const size = Math.max(log.size, signedSize)
  const at = log.coveredAt
  const claimed = signed?.checkpoint
  return {
    ok: findings.list.length + findings.unlisted === 0,
    size,
    entries: log.entries,
    root: claimed?.root.toString('base64') ?? null,
    checkpoint: claimed === undefined ? null : { size: claimed.size, ...(at !== undefined && { at }) },
    uncovered: Math.max(0, size - signedSize),
    tornBytes: torn === undefined ? 0 : lastBytes - torn,
    signedAnew: log.signedAnew ?? null,
    texts: texts === undefined ? null : { checked: texts.checked, expired },
    problems: findings.list,
    unlisted: findings.unlisted,
  }
}

/** None is a finding where a tree tells of records, and `not_found` where `isBare`. */
function segmentsOf(home: string, isBare: boolean): Segment[] {
  try {
    const segments = listSegments(join(home, LOG_FOLDER))
    if (segments.length > 0) return segments
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  if (!isBare) return []
  const message = `There is no record in ${home}: no file of a log lies there. Name the home with --home or UPSHIFT_HOME.`
  throw new UpshiftError({ code: 'not_found', message })
}

function signedOf(note: string | undefined, verifier: Verifier | undefined, findings: Findings): Signed {
  if (verifier === undefined) {
    const detail =
      'There is no public key that can be read, so nothing signed can be checked. Restore audit.pub, or give the key with --key.'
    findings.add({ kind: 'key-missing', file: KEY_FILE, detail })
  }
  if (note === undefined) {
    const detail =
      'There is no signed checkpoint, so nothing vouches for these records. Where the home is of a version that signed none, start this one once.'
    findings.add({ kind: 'checkpoint-missing', file: CHECKPOINT_FILE, detail })
    return undefined
  }
  return verifier && openCheckpoint(note, verifier)
}

async function readSegments(
  { home, signal, progress }: VerifyOptions,
  segments: readonly Segment[],
  log: LogCheck,
): Promise<{ lastFile: string; lastBytes: number }> {
  const totalBytes = segments.reduce((sum, { path }) => sum + statSync(path).size, 0)
  let doneBytes = 0
  let lastFile = LOG_FOLDER
  let lastBytes = 0
  for (const { name } of segments) {
    const file = `${LOG_FOLDER}/${name}`
    lastFile = file
    lastBytes = await eachLine(join(home, file), {
      signal,
      line: (line) => log.line(file, line),
      read: (bytes) => {
        doneBytes += bytes
        progress?.(Math.min(doneBytes, totalBytes), totalBytes)
      },
    })
  }
  return { lastFile, lastBytes }
}

function cutTree(size: number, signedSize: number): Finding {
  const detail = `The checkpoint covers ${signedSize} records and the stored hashes end after ${size}: they were cut.`
  return { kind: 'tree-changed', seq: size, lastSeq: signedSize - 1, file: HASHES_FILE, detail }
}

import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Stamped } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { dayOf } from '../../lib/utc.ts'
import { decodeEntry, splitLine } from './line.ts'
import { listSegments, readLines, type Segment, utcDay } from './segments.ts'

/** Where the next entry stands or will stand. */
export interface LogPosition {
  readonly seq: number
  /** Name of the segment. */
  readonly segment: string
  /** Byte in it. */
  readonly offset: number
}

export interface LogOpened {
  readonly segments: number
  readonly entriesRead: number
  /** Bytes of a torn tail that were cut away, after a crash in the middle of a write. */
  readonly cutBytes: number
}

/** What the opening of a log found. */
export interface Found {
  readonly newest: Segment | undefined
  readonly nextSeq: number
  readonly newestAt: number
  readonly opened: LogOpened
}

export interface Reading {
  readonly folder: string
  /** Entries before it are known already and not read: a snapshot stands for them. */
  readonly from: LogPosition | undefined
  /** Without a position: entries since this moment's UTC day are read. Milliseconds since the epoch. */
  readonly since: number
  visit(entry: Stamped): void
}

/**
 * Reads what the start needs of a log: every entry from a position or a day on, to the end, and cuts a torn
 * tail. Throws `record_unavailable`, naming the file, where what is unreadable is no torn tail, and where the
 * log ends before the position: then entries are missing that were there.
 */
export function readLog(reading: Reading): Found {
  const segments = listSegments(reading.folder)
  const newest = segments.at(-1)
  const state: Progress = { begun: false, nextSeq: 0, newestAt: 0, entries: 0 }
  const { from } = reading
  if (from !== undefined) checkPosition(reading.folder, segments, from)
  let cutBytes = 0
  for (const segment of segments) {
    // A clock that was wrong for a while leaves an old day between newer ones: from the first that is read on, all are.
    if (!state.begun && isPassed(segment, newest, reading)) continue
    const offset = segment.name === from?.segment ? from.offset : 0
    const begins = offset > 0 && from !== undefined ? from.seq : segment.first
    if (state.begun && begins !== state.nextSeq) throw gapError(segment.path, offset, state.nextSeq, begins)
    state.begun = true
    state.nextSeq = begins
    const end = readSegment(segment, offset, reading, state)
    const torn = statSync(segment.path).size - end
    if (torn === 0) continue
    if (segment !== newest || readableAfter(segment.path, end)) throw damagedError(segment.path, end)
    cut(segment.path, end)
    cutBytes = torn
  }
  const opened = { segments: segments.length, entriesRead: state.entries, cutBytes }
  return { newest, nextSeq: state.nextSeq, newestAt: state.newestAt, opened }
}

interface Progress {
  /** True once a segment was read: every one after it must go on where it ended. */
  begun: boolean
  nextSeq: number
  newestAt: number
  entries: number
}

function isPassed(segment: Segment, newest: Segment | undefined, { from, since }: Reading): boolean {
  if (from !== undefined) return segment.first < from.seq && segment.name !== from.segment
  return segment !== newest && segment.day < utcDay(since)
}

/** Byte past the last line that could be read. */
function readSegment(segment: Segment, offset: number, reading: Reading, state: Progress): number {
  let bad: number | undefined
  const lines = readLines(segment.path, offset, (line) => {
    const json = splitLine(line.bytes)
    if (json === undefined) {
      bad = line.start
      return false
    }
    const entry = decodeEntry(json)
    if (entry.seq !== state.nextSeq) throw gapError(segment.path, line.start, state.nextSeq, entry.seq)
    state.nextSeq = entry.seq + 1
    state.newestAt = Math.max(state.newestAt, entry.at)
    state.entries += 1
    if (reading.from !== undefined || dayOf(entry.at) >= dayOf(reading.since)) reading.visit(entry)
    return true
  })
  return bad ?? lines.end
}

function checkPosition(folder: string, segments: readonly Segment[], from: LogPosition): void {
  const segment = segments.find(({ name }) => name === from.segment)
  if (segment !== undefined && statSync(segment.path).size >= from.offset) return
  if (segment === undefined) {
    const message = `${join(folder, from.segment)} is not there, and it held what comes before entry ${from.seq}: the file was removed or renamed, or another log was put in its place. \`upshift audit verify\` says what is missing. Put the file back under its name, or restore the home from a backup.`
    throw new UpshiftError({ code: 'record_unavailable', message })
  }
  const message =
    `The log in ${folder} ends before entry ${from.seq}, which was safely on the disk: entries are missing, or an ` +
    'older copy was put in its place. `upshift audit verify` names them. Restore the home from a backup, or move it aside to begin anew.'
  throw new UpshiftError({ code: 'record_unavailable', message })
}

/** True where a whole line follows the unreadable one: damage or tampering, and no torn tail. */
function readableAfter(path: string, bad: number): boolean {
  let found = false
  readLines(path, bad, (line) => {
    found = line.start > bad && splitLine(line.bytes) !== undefined
    return !found
  })
  return found
}

function cut(path: string, length: number): void {
  const descriptor = openSync(path, 'r+')
  try {
    ftruncateSync(descriptor, length)
  } finally {
    closeSync(descriptor)
  }
}

function damagedError(path: string, offset: number): UpshiftError {
  const message = `${path} is damaged at byte ${offset}: what follows is not a torn tail from a crash. \`upshift audit verify\` names what is changed. Restore it from a backup, or move the home aside to begin anew.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

function gapError(path: string, offset: number, expected: number, found: number): UpshiftError {
  const message = `${path} holds entry ${found} at byte ${offset}, where entry ${expected} should be: entries were removed or moved. \`upshift audit verify\` names them. Restore the log from a backup, or move the home aside to begin anew.`
  return new UpshiftError({ code: 'record_unavailable', message })
}

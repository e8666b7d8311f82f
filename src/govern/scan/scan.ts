import { promises as fs } from 'node:fs'
import { filesBelow, isVanished, wordsOf } from './files.ts'
import { createMatcher, type Matcher } from './matcher.ts'
import type { ScanReport, ScanTask } from './task.ts'

const CHUNK_BYTES = 4 * 1_048_576
/** Places that are told for one probe; beyond them it is only counted. */
const PLACES_MAX = 8
/** Files that could not be read; beyond them nothing new is learnt from one more. */
const UNREAD_MAX = 100

interface Hit {
  readonly probe: number
  readonly inDocuments: boolean
  count: number
  readonly places: { file: string; offset: number }[]
}

/**
 * Looks for every probe in the bytes of every file below the home. A file is read to the size that it has when it
 * is opened: what a running server appends later was written after the keys were destroyed. One that vanishes is
 * passed over; one that cannot be read is told, never taken for clean. Rejects only where the signal aborts.
 *
 * Never to be called in a process that has a database of this home open: SQLite's locks are POSIX locks, and
 * closing any descriptor of a file drops all of a process's locks on it
 * (https://www.sqlite.org/howtocorrupt.html, 2.2), the home's own lock among them.
 */
export async function scanHome(task: ScanTask, signal: AbortSignal): Promise<ScanReport> {
  const matcher = createMatcher(task.probes)
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES + matcher.longest)
  const hits = { inDocuments: new Map<number, Hit>(), elsewhere: new Map<number, Hit>() }
  const unread: { file: string; why: string }[] = []
  let files = 0
  let bytes = 0
  for await (const found of filesBelow(task.home)) {
    signal.throwIfAborted()
    if (found.type === 'unread') {
      if (unread.length < UNREAD_MAX) unread.push({ file: found.name, why: found.why })
      continue
    }
    try {
      const inDocuments = isDatabase(found.name, task.documents)
      const size = await scanFile(found.path, matcher, chunk, signal, (probe, offset) => {
        note(hits, { probe, inDocuments }, { file: found.name, offset })
      })
      files += 1
      bytes += size
    } catch (error) {
      signal.throwIfAborted()
      if (isVanished(error)) continue
      if (unread.length < UNREAD_MAX) unread.push({ file: found.name, why: wordsOf(error) })
    }
  }
  const told = [...hits.elsewhere.values(), ...hits.inDocuments.values()]
  return { files, bytes, hits: told, unread }
}

/** The database itself, or what SQLite keeps beside it. */
function isDatabase(file: string, database: string | undefined): boolean {
  return database !== undefined && (file === database || file === `${database}-wal`)
}

function note(
  hits: { readonly inDocuments: Map<number, Hit>; readonly elsewhere: Map<number, Hit> },
  what: Pick<Hit, 'probe' | 'inDocuments'>,
  place: { file: string; offset: number },
): void {
  const those = what.inDocuments ? hits.inDocuments : hits.elsewhere
  const hit = those.get(what.probe) ?? { ...what, count: 0, places: [] }
  hit.count += 1
  if (hit.places.length < PLACES_MAX) hit.places.push(place)
  those.set(what.probe, hit)
}

/** Bytes that were read. Each chunk begins with the end of the one before, so that no match falls between two. */
async function scanFile(
  path: string,
  matcher: Matcher,
  chunk: Buffer,
  signal: AbortSignal,
  visit: (probe: number, offset: number) => void,
): Promise<number> {
  await using file = await fs.open(path, 'r')
  const { size } = await file.stat()
  const overlap = Math.max(0, matcher.longest - 1)
  let kept = 0
  let position = 0
  while (position < size) {
    signal.throwIfAborted()
    const wanted = Math.min(chunk.length - kept, size - position)
    const { bytesRead } = await file.read(chunk, kept, wanted, position)
    if (bytesRead === 0) break
    position += bytesRead
    const filled = kept + bytesRead
    const offset = position - filled
    const last = position >= size
    const end = last ? filled : Math.max(0, filled - overlap)
    matcher.find(chunk.subarray(0, filled), end, ({ probe, at }) => visit(probe, offset + at))
    chunk.copyWithin(0, end, filled)
    kept = filled - end
  }
  return position
}

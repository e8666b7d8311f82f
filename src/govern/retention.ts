import type { Expired } from '../contract/entry.ts'
import type { Turns } from '../lib/turns.ts'
import { DAY_MS, dayOfDate } from '../lib/utc.ts'
import type { GovernConfig } from './config.ts'
import type { DatedFile, DatedSegment, DatedTexts, RetentionPorts } from './ports.ts'

/** What one run removed. */
export interface Expiry {
  readonly texts: readonly string[]
  readonly entries: readonly string[]
}

export interface Retention {
  /**
   * Removes what is older than the configuration lets it be, after the log has said so. `now` in milliseconds
   * since the epoch. To be called at the start and then once an hour. It waits for its turn behind a backup, which
   * must not lose files under its hands; where others wait already it removes nothing, and the next call does.
   */
  expire(now: number): Promise<Expiry>
}

/**
 * DESIGN. A file goes when the whole UTC day that it belongs to is older than allowed. The entry comes first and
 * is on the disk before anything is removed; after a crash between the two the files are still there and still
 * too old, so the next run says it again and removes them: an entry that names a file which is gone already, or
 * goes later, is true all the same. A checkpoint that covers the entry comes before the removal too, since an audit takes
 * no unsigned entry for a reason. The oldest goes first, so that the log loses a beginning and never a middle.
 *
 * A segment stays while a checkpoint does not cover it (nothing could prove later that it ended rightly), while
 * the folds still need its entries (this month's budgets), and while it is the one being written.
 *
 * Days come from a clock that may have been wrong. A file is taken to be at least as young as every file before
 * it, so that a clock that once stood in 1970 costs nothing; a day that lies ahead is not believed either, so that
 * one wrong day does not keep everything after it for ever.
 */
export function createRetention(
  config: GovernConfig['retention'],
  ports: RetentionPorts,
  turns: Turns,
): Retention {
  return {
    expire(now) {
      if (turns.full) return Promise.resolve({ texts: [], entries: [] })
      return turns.run(() => expire(config, ports, now))
    },
  }
}

async function expire(
  { textDays, entryDays }: GovernConfig['retention'],
  ports: RetentionPorts,
  now: number,
): Promise<Expiry> {
  const oldTexts = aged(ports.textFiles(), now, daysMs(textDays, entryDays))
  const oldSegments = aged(ports.segments().slice(0, -1), now, daysMs(entryDays))
  if (oldTexts.length === 0 && oldSegments.length === 0) return { texts: [], entries: [] }
  // No checkpoint, no proof of what was there: then everything stays.
  const checkpoint = await ports.checkpoint()
  if (checkpoint === undefined) return { texts: [], entries: [] }
  const texts = await expireTexts(oldTexts, checkpoint.note, ports)
  const safeUpTo = Math.min(checkpoint.size, await ports.coveredUpTo())
  return { texts, entries: await expireEntries(oldSegments, safeUpTo, checkpoint.note, ports) }
}

async function expireTexts(
  old: readonly Aged<DatedTexts>[],
  checkpoint: string,
  { record, removeTexts, checkpoint: sign }: RetentionPorts,
): Promise<readonly string[]> {
  const newest = old.at(-1)
  if (newest === undefined) return []
  const files = old.map(({ file }) => file.name)
  const entry: Expired = { type: 'expired', what: 'texts', files, before: newest.endMs, checkpoint }
  await record(entry)
  await sign()
  for (const { file } of old) await removeTexts(file.file)
  return files
}

async function expireEntries(
  old: readonly Aged<DatedSegment>[],
  safeUpTo: number,
  checkpoint: string,
  { record, removeSegment, segments, checkpoint: sign }: RetentionPorts,
): Promise<readonly string[]> {
  // A segment ends where the next one begins; the newest one is never among the old.
  const firsts = segments().map(({ first }) => first)
  const ends = old.map(({ file }) => firsts.find((first) => first > file.first) ?? Number.POSITIVE_INFINITY)
  const safe = old.filter((_, at) => (ends[at] ?? Number.POSITIVE_INFINITY) <= safeUpTo)
  const [oldest, newest] = [safe[0], safe.at(-1)]
  if (oldest === undefined || newest === undefined) return []
  const files = safe.map(({ file }) => file.name)
  await record({
    type: 'expired',
    what: 'entries',
    files,
    first: oldest.file.first,
    last: (ends[safe.length - 1] ?? 0) - 1,
    before: newest.endMs,
    checkpoint,
  })
  await sign()
  for (const file of files) await removeSegment(file)
  return files
}

interface Aged<File extends DatedFile> {
  readonly file: File
  /** When its day ended. */
  readonly endMs: number
}

/** The files, oldest first, whose day ended more than `keptMs` ago. */
function aged<File extends DatedFile>(
  files: readonly File[],
  now: number,
  keptMs: number | undefined,
): readonly Aged<File>[] {
  if (keptMs === undefined) return []
  let believed = 0
  const old: Aged<File>[] = []
  for (const file of files) {
    const dayMs = dayOfDate(file.day) * DAY_MS
    if (dayMs <= now) believed = Math.max(believed, dayMs)
    const endMs = believed + DAY_MS
    if (endMs + keptMs > now) break
    old.push({ file, endMs })
  }
  return old
}

/** The shortest of the times; undefined where none is set. */
function daysMs(...days: readonly (number | 'never')[]): number | undefined {
  const set = days.filter((one) => one !== 'never')
  return set.length === 0 ? undefined : Math.min(...set) * DAY_MS
}

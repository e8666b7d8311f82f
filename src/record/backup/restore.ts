import { existsSync, promises as fs, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { type HomeLock, lockHome } from '../lock.ts'
import { IDENTITY_FILE, KEY_FILES } from './backup.ts'
import { asideAt, besideHome, expectSwapped, isHome, placeOf, stagedAt, stampOf } from './beside.ts'
import { copyFile, writeSynced } from './copy.ts'
import { type Manifest, readManifest } from './manifest.ts'
import { againFile, eraseAgain, logFacts } from './replaced.ts'

/** What an audit of a home says, as far as a restore needs it. */
export interface Verdict {
  readonly ok: boolean
  readonly size: number
  readonly problems: readonly { readonly kind: string; readonly file?: string; readonly detail: string }[]
}

export interface RestoreOptions {
  readonly folder: string
  /** The home to be. */
  readonly target: string
  /** Whether a home that is there may be replaced: it is moved aside. */
  readonly force: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly signal: AbortSignal
  verify(home: string): Promise<Verdict>
  progress?(doneBytes: number, totalBytes: number): void
}

export interface Restored {
  readonly home: string
  /** Entries of its log, as the audit counted them. */
  readonly entries: number
  readonly files: number
  readonly bytes: number
  /** Key files that neither the backup nor the replaced home had. */
  readonly missingKeys: readonly string[]
  readonly replaced: Replaced | null
  /** Copies beside the home that other restores have left, or are making. */
  readonly leftCopies: readonly string[]
}

export interface Replaced {
  /** Where the home lies now that was there before. */
  readonly movedTo: string
  /** Entries that its log has beyond the restored one; null where it could not be read. */
  readonly newerEntries: number | null
  /** Pseudonyms of who was erased after the backup: the next start erases them again. */
  readonly eraseAgain: readonly string[]
}

/**
 * Puts a backup in the place of a home. The copy is made beside the place, each file against its checksum, then
 * audited as a home, and only then renamed into place: where anything fails, the place is as it was. A home that is
 * there is moved aside and never deleted. Throws UpshiftError that names the file where the backup is damaged,
 * and `conflict` where the place is in use or not empty.
 */
export async function restoreHome(options: RestoreOptions): Promise<Restored> {
  const manifest = readManifest(options.folder)
  const target = placeOf(options.target)
  expectSwapped(target)
  const present = existsSync(target) && readdirSync(target).length > 0
  const lock = present ? held(target, options.force) : undefined
  const staging = stagedAt(target, stampOf(options.now))
  let made = false
  let placed = false
  try {
    await makeStaging(staging, target)
    made = true
    const bytes = await stage(manifest, staging, options)
    const carried = present ? await carryKeys(manifest, target, staging) : []
    const verdict = await options.verify(staging)
    if (!verdict.ok) throw unproven(options.folder, verdict)
    const replaced = present ? await compare(target, staging) : undefined
    options.signal.throwIfAborted()
    const movedTo = await swap(staging, target, present, options.now)
    placed = true
    const missing = KEY_FILES.filter((name) => !existsSync(join(target, name)) && !carried.includes(name))
    return {
      home: target,
      entries: verdict.size,
      files: manifest.files.length,
      bytes,
      missingKeys: missing,
      replaced: replaced === undefined || movedTo === undefined ? null : { movedTo, ...replaced },
      leftCopies: besideHome(target).staged,
    }
  } finally {
    if (made && !placed) await fs.rm(staging, { recursive: true, force: true })
    lock?.release()
  }
}

/** The lock of a home that is to be replaced. */
function held(target: string, force: boolean): HomeLock {
  if (!statSync(target).isDirectory() || !isHome(target)) {
    const message = `${target} is not empty and no home of Upshift's: it is not touched. Name another place with --to.`
    throw new UpshiftError({ code: 'conflict', message })
  }
  const lock = lockHome(target)
  if (force) return lock
  lock.release()
  const message = `${target} is a home already. Name another place with --to, or add --force: the home is then moved aside, not deleted.`
  throw new UpshiftError({ code: 'conflict', message })
}

/** A copy that is there already is of another restore, and not for this one to remove. */
async function makeStaging(staging: string, target: string): Promise<void> {
  await fs.mkdir(dirname(staging), { recursive: true })
  try {
    await fs.mkdir(staging, { mode: 0o700 })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    const message = `Another restore to ${target} has begun in this second: ${staging} is its copy. Wait for it, and look at what came of it.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
}

/** Every file of the manifest, copied and compared. */
async function stage(manifest: Manifest, staging: string, options: RestoreOptions): Promise<number> {
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  for (const { path, bytes, sha256 } of manifest.files) {
    const from = join(options.folder, path)
    const size = await fs.stat(from).then(
      (stats) => stats.size,
      (cause) => Promise.reject(damaged(path, 'cannot be read', cause)),
    )
    if (size !== bytes) throw damaged(path, `has ${size} bytes instead of ${bytes}`)
    const copying = copyFile(from, join(staging, path), bytes, (more) => {
      options.signal.throwIfAborted()
      done += more
      options.progress?.(done, total)
    })
    let step = await copying.next()
    while (step.done !== true) step = await copying.next()
    if (step.value.sha256 !== sha256) throw damaged(path, 'is not what was backed up')
  }
  for (const inner of readdirSync(staging, { withFileTypes: true })) {
    if (inner.isDirectory()) syncFolder(join(staging, inner.name))
  }
  return total
}

/** The keys that a backup was made without, where the home that is replaced is of the same log. */
async function carryKeys(manifest: Manifest, target: string, staging: string): Promise<readonly string[]> {
  if (manifest.keys || !sameIdentity(target, staging)) return []
  const carried = KEY_FILES.filter((name) => existsSync(join(target, name)))
  for (const name of carried) await writeSynced(join(staging, name), readFileSync(join(target, name), 'utf8'))
  return carried
}

function sameIdentity(one: string, other: string): boolean {
  const [first, second] = [join(one, IDENTITY_FILE), join(other, IDENTITY_FILE)]
  return existsSync(first) && existsSync(second) && readFileSync(first).equals(readFileSync(second))
}

/** What the home that is replaced knows beyond the restored one; the list of who must be erased again is written. */
async function compare(target: string, staging: string): Promise<Omit<Replaced, 'movedTo'>> {
  const before = readable(() => logFacts(target))
  const pending = readable(() => eraseAgain(target)) ?? []
  const restored = logFacts(staging)
  const erasures = [...(before?.erasures ?? [])].filter(([id]) => !restored.erasures.has(id))
  const subjects = [...new Set([...pending, ...erasures.map(([, subject]) => subject)])]
  const again = againFile(subjects)
  if (subjects.length > 0) await writeSynced(join(staging, again.name), again.text)
  const newerEntries = before === undefined ? null : Math.max(0, before.nextSeq - restored.nextSeq)
  return { newerEntries, eraseAgain: subjects }
}

/** A home is often restored because it cannot be read any more: then the result says that this was so. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Where the replaced home lies now; undefined where there was none. */
async function swap(
  staging: string,
  target: string,
  present: boolean,
  now: number,
): Promise<string | undefined> {
  const aside = asideAt(target, stampOf(now))
  syncFolder(staging)
  try {
    if (present) await fs.rename(target, aside)
    await fs.rename(staging, target)
    syncFolder(dirname(target))
  } catch (cause) {
    if (present && existsSync(aside) && !existsSync(target)) await fs.rename(aside, target)
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `The backup is good, but it could not be put in place of ${target}: ${why}. A mount point cannot be renamed: restore into a folder inside it with --to, and set UPSHIFT_HOME to that.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
  return present ? aside : undefined
}

function damaged(path: string, what: string, cause?: unknown): UpshiftError {
  const message = `The backup is damaged: ${path} ${what}. Nothing was restored. Use another backup.`
  return new UpshiftError({ code: 'conflict', message }, cause)
}

function unproven(folder: string, { problems }: Verdict): UpshiftError {
  const first = problems[0]
  const where = first?.file === undefined ? '' : ` (${first.file})`
  const message = `The backup ${basename(folder)} does not pass the audit, and nothing was restored: ${first?.kind ?? 'no reason given'}${where}: ${first?.detail ?? ''} ${problems.length} problems in all. Use another backup.`
  return new UpshiftError({ code: 'conflict', message })
}

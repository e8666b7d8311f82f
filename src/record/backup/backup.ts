import { existsSync, promises as fs, readdirSync, statSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite'
import { type Problem, type Refusal, refuse, UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { isDiskFull } from '../../lib/disk-full.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import type { Turns } from '../../lib/turns.ts'
import { listSegments } from '../log/segments.ts'
import { HASH_BYTES } from '../tree/hash.ts'
import { storedCount } from '../tree/stored.ts'
import { copyFile, sha256Of, writeSynced } from './copy.ts'
import { makeFolder, realPathOf } from './folder.ts'
import { encodeManifest, MANIFEST_FILE, type Manifest, type ManifestFile } from './manifest.ts'
import type { BackupEvent } from './wire.ts'

export interface BackupPorts {
  readonly home: string
  /** Of this Upshift. */
  readonly version: string
  readonly clock: Clock
  /** Shared with the retention, which must not remove files meanwhile. */
  readonly turns: Turns
  /** A signed checkpoint whose hashes are on the disk, and its size; undefined where nothing was recorded. */
  checkpoint(): Promise<{ readonly note: string; readonly size: number } | undefined>
  /** Resolves once every entry and text that was handed over before is on the disk. */
  settle(): Promise<void>
}

export interface BackupOptions {
  /** Absolute; must not exist, or be empty. */
  readonly folder: string
  /** Whether the secret keys are copied too. */
  readonly keys: boolean
}

/** The secret keys of a home. */
export const KEY_FILES = ['owner.key', 'audit.key', 'vault.key'] as const
/** Says which log it is; no secret. */
export const IDENTITY_FILE = 'audit.pub'
/** Held by the process, or made again from the log. */
const LEFT_OUT = new Set(['lock.db', 'index.db'])
const VAULT_FILE = /^\d{6,}\.vault$/
const WAIT_MS = 60_000

/**
 * DESIGN. A copy of a home while its server writes to it. What each file may refer to is copied after it was noted,
 * so the order makes the copy whole: the checkpoint first, for it names a size of the tree; then, in one turn of
 * the event loop, the sizes of the log's segments and of the vault's files, which end with whole lines and whole
 * texts, the log covering the checkpoint and the vault everything that the log names; the databases last, since
 * they only ever know more than the log. Files are copied up to the noted sizes. The databases are copied by
 * SQLite's own backup in one step, so that no writer makes it begin again; they are never opened as plain files,
 * which would cost this process its locks (https://www.sqlite.org/howtocorrupt.html, 2.2).
 *
 * Refuses before anything is made; after that the last event is `done` or `failed`, and what was begun is removed
 * where it failed or the reader went away.
 */
export function backUp(ports: BackupPorts, options: BackupOptions): AsyncGenerator<BackupEvent> | Refusal {
  const refusal = unfitFolder(ports.home, options.folder)
  if (refusal !== undefined) return refusal
  if (ports.turns.full) {
    const message =
      'Another backup or the retention is at work, and more wait: nothing was copied. Try again in a minute.'
    return refuse('queue_full', message, { retryAfterMs: WAIT_MS })
  }
  return events(ports, options)
}

function unfitFolder(home: string, folder: string): Refusal | undefined {
  if (!isAbsolute(folder)) {
    return refuse('invalid_request', 'The folder of a backup is an absolute path.', { param: 'folder' })
  }
  const below = relative(realPathOf(home), realPathOf(folder))
  if (below === '' || (!below.startsWith('..') && !isAbsolute(below))) {
    const message = `${folder} lies in the home itself: what loses the home would lose the backup. Name a folder elsewhere, best on another disk.`
    return refuse('invalid_request', message, { param: 'folder' })
  }
  if (!existsSync(folder)) return undefined
  if (statSync(folder).isDirectory() && readdirSync(folder).length === 0) return undefined
  const brokenOff = existsSync(join(folder, IDENTITY_FILE)) && !existsSync(join(folder, MANIFEST_FILE))
  const message = brokenOff
    ? `${folder} holds a backup that was broken off, or is being made: it has no ${MANIFEST_FILE}, and may hold keys. Remove it if nobody makes it any more, or name a new folder.`
    : `${folder} exists and is not empty: nothing is ever written over. Name a new folder.`
  return refuse('conflict', message, { param: 'folder' })
}

async function* events(ports: BackupPorts, { folder, keys }: BackupOptions): AsyncGenerator<BackupEvent> {
  using _turn = await ports.turns.enter()
  const existed = existsSync(folder)
  let whole = false
  try {
    makeFolder(folder)
    await fs.chmod(folder, 0o700)
    const noted = await note(ports, keys)
    await expectRoom(folder, noted)
    const files: ManifestFile[] = []
    yield* copyAll(ports.home, folder, noted, files)
    const manifest: Manifest = {
      format: 'upshift-backup 1',
      madeAt: new Date(ports.clock.now()).toISOString(),
      version: ports.version,
      checkpoint: noted.checkpoint ?? null,
      keys,
      files,
    }
    const { text, sha256 } = encodeManifest(manifest)
    for (const inner of ['log', 'tree', 'vault'])
      if (existsSync(join(folder, inner))) syncFolder(join(folder, inner))
    await writeSynced(join(folder, MANIFEST_FILE), text)
    syncFolder(folder)
    whole = true
    yield { type: 'done', folder, files: files.length, bytes: sum(files), entries: noted.entries, sha256 }
  } catch (error) {
    yield { type: 'failed', ...problemOf(error) }
  } finally {
    if (!whole) await clear(folder, existed)
  }
}

/** What will be copied, and how much of each. */
interface Noted {
  readonly checkpoint: string | undefined
  /** Entries that the checkpoint covers; there may be more in the copy. */
  readonly entries: number
  readonly plain: readonly { readonly path: string; readonly bytes: number }[]
  readonly databases: readonly { readonly path: string; readonly bytes: number }[]
}

async function note({ home, checkpoint, settle }: BackupPorts, keys: boolean): Promise<Noted> {
  const signed = await checkpoint()
  await settle()
  // From here to the return no other code runs: the sizes belong to one moment.
  const sized = (path: string) => ({ path, bytes: statSync(join(home, path)).size })
  const log = listSegments(join(home, 'log')).map(({ name }) => sized(`log/${name}`))
  const vault = namesIn(join(home, 'vault'))
    .filter((name) => VAULT_FILE.test(name))
    .map((name) => sized(`vault/${name}`))
  const hashes = signed === undefined ? 0 : storedCount(signed.size) * HASH_BYTES
  const secrets = [IDENTITY_FILE, ...(keys ? KEY_FILES : [])].filter((name) => existsSync(join(home, name)))
  const databases = namesIn(home).filter((name) => name.endsWith('.db') && !LEFT_OUT.has(name))
  return {
    checkpoint: signed?.note,
    entries: signed?.size ?? 0,
    plain: [
      ...secrets.map(sized),
      ...log,
      ...(hashes === 0 ? [] : [{ path: 'tree/hashes', bytes: hashes }]),
      ...vault,
    ],
    databases: databases.map(sized),
  }
}

async function* copyAll(
  home: string,
  folder: string,
  noted: Noted,
  files: ManifestFile[],
): AsyncGenerator<BackupEvent> {
  const total = sum(noted.plain) + sum(noted.databases)
  let done = 0
  for (const { path, bytes } of noted.plain) {
    const copied = yield* copyFile(join(home, path), join(folder, path), bytes, (more): BackupEvent => {
      done += more
      return { type: 'progress', done, total, file: path }
    })
    files.push({ path, ...copied })
  }
  if (noted.checkpoint !== undefined) {
    await fs.mkdir(join(folder, 'tree'), { recursive: true, mode: 0o700 })
    await writeSynced(join(folder, 'tree/checkpoint'), noted.checkpoint)
    files.push({ path: 'tree/checkpoint', ...(await sha256Of(join(folder, 'tree/checkpoint'))) })
  }
  for (const { path, bytes } of noted.databases) {
    await copyStore(join(home, path), join(folder, path))
    files.push({ path, ...(await sha256Of(join(folder, path))) })
    done += bytes
    yield { type: 'progress', done, total, file: path }
  }
}

/** More pages than a database of SQLite's can have: all of it in one step, beside the event loop. */
const ALL_PAGES = 0x7fff_ffff
const BUSY_TIMEOUT_MS = 5_000

async function copyStore(from: string, to: string): Promise<void> {
  // Made before SQLite makes it, which would let others read it.
  await (await fs.open(to, 'wx', 0o600)).close()
  const source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  try {
    await copyDatabase(source, to, { rate: ALL_PAGES })
  } finally {
    source.close()
  }
  await using file = await fs.open(to, 'r+')
  await file.sync()
}

async function expectRoom(folder: string, { plain, databases }: Noted): Promise<void> {
  const { bavail, bsize } = await fs.statfs(folder)
  const needed = sum(plain) + sum(databases)
  if (bavail * bsize > needed) return
  const message = `A backup needs ${needed} bytes, and ${folder} has ${bavail * bsize} free. Free some space, or name a folder on another disk.`
  throw new UpshiftError({ code: 'disk_full', message })
}

/** Takes away what was begun; an empty folder that was there before stays. */
async function clear(folder: string, existed: boolean): Promise<void> {
  if (!existed) return fs.rm(folder, { recursive: true, force: true })
  for (const name of namesIn(folder)) await fs.rm(join(folder, name), { recursive: true, force: true })
}

function problemOf(error: unknown): Pick<Problem, 'code' | 'message'> {
  if (error instanceof UpshiftError) return { code: error.problem.code, message: error.message }
  const full = isDiskFull(error)
  const why = error instanceof Error ? error.message : String(error)
  const next = full ? 'Free some space' : 'Look at `upshift doctor`'
  return {
    code: full ? 'disk_full' : 'internal',
    message: `The backup was broken off and removed: ${why}. ${next}, then try again.`,
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

function sum(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((total, { bytes }) => total + bytes, 0)
}

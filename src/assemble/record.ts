import { createHmac, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { LedgerState } from '../caller/ledger/state.ts'
import { readSecretFile, resolveSecret } from '../config/secret.ts'
import type { ErasureBegun, ForgetBegun } from '../contract/entry.ts'
import { UpshiftError } from '../contract/problem.ts'
import { systemClock } from '../lib/clock.ts'
import { dayOf, monthBeginsAt, monthOf } from '../lib/utc.ts'
import { HASHES_FILE } from '../record/audit/home.ts'
import { Disk } from '../record/disk.ts'
import { type Log, openLog } from '../record/log/log.ts'
import { type EntryLog, Recorder } from '../record/recorder.ts'
import { loadSnapshot } from '../record/snapshot.ts'
import { openTree } from '../record/tree/appender.ts'
import { NEWEST_FILE, openCheckpoint, readNewest } from '../record/tree/checkpoint.ts'
import { type Signer, signingKey } from '../record/tree/signer.ts'
import { masterKey } from '../record/vault/master.ts'
import type { Subject } from '../record/vault/subject.ts'
import { openVault, type Vault } from '../record/vault/vault.ts'
import type { RoutingFold } from '../route/online/fold.ts'
import { isBlank } from '../store/open.ts'
import { type FromSnapshot, foldsFrom } from './folds.ts'
import { Follower } from './follow/follower.ts'
import type { HomePaths } from './home.ts'
import type { PartsOptions } from './parts.ts'

/** The one log with what stands beside it, and what it says at the start. */
export interface RecordParts extends AsyncDisposable {
  readonly log: Log
  readonly recorder: Recorder<Subject>
  readonly vault: Vault
  readonly signer: Signer
  readonly follower: Follower
  readonly disk: Disk
  readonly found: FoundInLog
  /** A secret of this home from which lots are drawn. */
  readonly seed: string
}

/** What the log says at the start. */
export interface FoundInLog {
  readonly ledger: LedgerState
  /** Micro-dollars of today, by engine. */
  readonly spend: ReadonlyMap<string, number>
  /** Erasures that a crash broke off. */
  readonly erasing: readonly ErasureBegun[]
  /** Forgettings of documents that a crash broke off. */
  readonly forgetting: readonly ForgetBegun[]
  /** What is known of going up; it is kept up live from here on. */
  readonly routing: RoutingFold
  /** When the newest entry was written, milliseconds since the epoch. */
  readonly newestAt: number
}

/**
 * Opens log and vault of a home whose lock is held, reads what the log says since the snapshot (without one: since
 * the month began), and writes that a process has started. Throws UpshiftError where entries are missing.
 */
export async function openRecord(options: PartsOptions, paths: HomePaths): Promise<RecordParts> {
  const { config, logs } = options
  await using opening = new AsyncDisposableStack()
  const signer = signingKey(paths.home)
  const configured = configuredMaster(options)
  const master = masterKey({ home: paths.home, configured, randomBytes })
  const vault = opening.adopt(vaultOf(options, paths, master), (one) => one.close())
  const { snapshot, folds } = snapshotOf(options, paths)
  const follower: Follower = new Follower({
    home: paths.home,
    masterKey: configured,
    logs,
    sync: async () => {
      const seq = log.nextSeq
      await log.sync()
      return seq
    },
  })
  const log = opening.adopt(
    openLog({
      folder: paths.log,
      config: config.record,
      clock: systemClock,
      from: snapshot?.position,
      since: monthBeginsAt(monthOf(dayOf(systemClock.now()))),
      visit: (entry) => folds.visit(entry),
      beside: vault,
      synced: (seq) => follower.synced(seq),
    }),
    (one) => one.close(),
  )
  opening.use(follower)
  // A new home is signed for before anything is in it: from then on a missing checkpoint means that it was taken away.
  if (log.nextSeq === 0) openTree({ folder: paths.tree, signer }).close()
  checkCovered(paths, signer, log.nextSeq)
  const found: FoundInLog = {
    ledger: folds.ledger.state(),
    spend: folds.spend.byEngine(systemClock.now()),
    erasing: folds.erasing.state(),
    forgetting: folds.forgetting.state(),
    routing: folds.routing,
    newestAt: Math.max(log.newestAt, snapshot?.newestAt ?? 0),
  }
  await tellStart(log, options, paths)
  const disk = new Disk({
    folder: paths.home,
    minFreeBytes: config.record.minFreeBytes,
    clock: systemClock,
    writtenBytes: () => log.writtenBytes + vault.writtenBytes,
  })
  const texts = config.record.texts === 'keep' ? vault : undefined
  const recorder = new Recorder(followed(log, folds.routing), texts)
  const opened = opening.move()
  return {
    log,
    recorder,
    vault,
    signer,
    follower,
    disk,
    found,
    seed: createHmac('sha256', master).update('lots of routing').digest('base64url'),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** What routing learns from is told to it as it is written, so that it knows live what the next start will read. */
function followed(log: Log, routing: RoutingFold): EntryLog {
  return {
    append: (entry, told) => {
      const at = systemClock.now()
      routing.visit(entry, at, told?.subject)
      return log.append(entry, told, at)
    },
  }
}

function configuredMaster({ config, around }: PartsOptions): string | undefined {
  const reference = config.record.masterKey
  return reference === undefined ? undefined : resolveSecret(reference, around.env, readSecretFile).secret
}

async function tellStart(log: Log, { logs, version }: PartsOptions, paths: HomePaths): Promise<void> {
  const { cutBytes } = log.opened
  const signedAnew = unsigned(paths, log.nextSeq)
  if (signedAnew > 0) logs.warn(treeGone(paths.tree, signedAnew))
  if (cutBytes > 0) logs.warn({ bytes: cutBytes }, 'the last write before a crash was torn: its tail was cut')
  const told = log.append({
    type: 'started',
    version,
    ...(cutBytes === 0 ? {} : { cutBytes }),
    ...(signedAnew === 0 ? {} : { signedAnew }),
  })
  // On a full disk the server starts all the same: it refuses with `disk_full`, and questions can be asked.
  if (signedAnew === 0) return told.catch((error: unknown) => logs.warn(String(error)))
  // Not here: once the tree is there again no later start would tell it, so the disk has the word before the tree.
  await told
  await log.sync()
}

function vaultOf({ logs }: PartsOptions, paths: HomePaths, master: Uint8Array): Vault {
  if (!isBlank(paths.vaultState) && !existsSync(paths.vault)) logs.warn(textsGone(paths.vault))
  return openVault({
    folder: paths.vault,
    database: paths.vaultState,
    master,
    clock: systemClock,
    randomBytes,
  })
}

/** How many entries are there that no tree tells of: it is gone as a whole, and the follower makes another. */
function unsigned({ home, tree }: HomePaths, entries: number): number {
  return readNewest(tree) === undefined && isBlank(join(home, HASHES_FILE)) ? entries : 0
}

function treeGone(folder: string, entries: number): string {
  return `${folder} is not there or empty, and this home has ${entries} entries: they are signed anew as they stand, so a change that was made to them before is not found any more. Where that was not meant, stop Upshift and put the folder back from a backup. \`upshift audit compare\` finds such a change by an exported checkpoint.`
}

/** What is kept from here on goes into files of other numbers: the folder can be put back beside it at any time. */
function textsGone(folder: string): string {
  return `${folder} is not there, and this home has kept texts: they cannot be read, and a new folder is begun. Where that was not meant, stop Upshift and put its files back from a backup. \`upshift audit verify\` names what is missing.`
}

function snapshotOf({ logs }: PartsOptions, paths: HomePaths): FromSnapshot {
  const from = foldsFrom(loadSnapshot(paths.snapshot))
  if (from.unusable !== undefined && from.unusable !== 'missing') {
    logs.warn(`${paths.snapshot} is ${from.unusable}: the log is read from the beginning of the month`)
  }
  return from
}

/** The signed checkpoint covers only what was on the disk: a log that ends before it has lost entries. */
function checkCovered(paths: HomePaths, signer: Signer, nextSeq: number): void {
  const note = readNewest(paths.tree)
  if (note === undefined) return
  const opened = openCheckpoint(note, signer.verifier)
  if (opened.type === 'refused') {
    const message = `${join(paths.tree, NEWEST_FILE)} ${opened.why}. \`upshift audit verify\` says more; restore the home from a backup.`
    throw new UpshiftError({ code: 'record_unavailable', message })
  }
  if (opened.checkpoint.size <= nextSeq) return
  const message = `The log in ${paths.log} holds ${nextSeq} entries, and ${opened.checkpoint.size} were signed: entries are missing, or an older copy was put in its place. \`upshift audit verify\` names them. Restore the home from a backup, or move it aside to begin anew.`
  throw new UpshiftError({ code: 'record_unavailable', message })
}

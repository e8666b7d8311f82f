import { existsSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config/sections.ts'
import type { Check } from '../../contract/check.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { pause } from '../../lib/clock.ts'
import { besideHome } from '../../record/backup/beside.ts'
import { findDamage } from '../../record/log/damage.ts'
import type { Governing } from '../govern.ts'
import type { Parts } from '../parts.ts'

const MIB = 1_048_576
const GIB = 1_024 * MIB
/** Below it a disk fills up within days. */
const SCARCE_BYTES = GIB
/** Of the log, read by a look at it: a second or two. */
const LOG_BYTES_MAX = GIB
/** The follower may have a long log to catch up with, and a look at it need not wait for that. */
const FOLLOWED_WAIT_MS = 3_000

/** What is wrong with the record: the disk below it, the log, who follows it, the vault, and what should be gone. */
export async function recordChecks(
  parts: Parts,
  config: Config,
  governing: Pick<Governing, 'unfinished'>,
): Promise<Check[]> {
  return [
    diskCheck(parts),
    await logCheck(parts),
    await followerCheck(parts),
    vaultCheck(parts, config),
    ...restoreChecks(parts),
    ...governing.unfinished().map(({ what, why }): Check => {
      const fix = 'find the cause in the words above, then restart: the next start tries it again'
      return { name: what, state: 'fail', detail: why, fix }
    }),
  ]
}

function diskCheck({ paths, record }: Parts): Check {
  const { bavail, bsize } = statfsSync(paths.home)
  const free = bavail * bsize
  const detail = `${(free / GIB).toFixed(1)} GiB free under ${paths.home}`
  if (free >= SCARCE_BYTES) return { name: 'disk', state: 'ok', detail }
  const { minBytes } = record.disk
  const then = `below ${(minBytes / MIB).toFixed(0)} MiB nothing can be recorded, so nothing is answered`
  return {
    name: 'disk',
    state: free < minBytes ? 'fail' : 'warn',
    detail,
    fix: `free some space, shorten govern.retention, or move the home with UPSHIFT_HOME: ${then}`,
  }
}

async function logCheck({ paths, record: { log } }: Parts): Promise<Check> {
  const name = 'log'
  if (log.broken !== undefined) {
    const fix = 'see to the disk, then restart: until then nothing is recorded, so nothing is answered'
    return { name, state: 'fail', detail: log.broken, fix }
  }
  const looked = await findDamage(paths.log, LOG_BYTES_MAX).catch(asDamage)
  const { damage } = looked
  if (damage !== undefined) {
    const detail = typeof damage === 'string' ? damage : `${damage.path} is damaged at byte ${damage.offset}`
    const fix =
      '`upshift audit verify` says what does not fit; put the file back from a backup: a start that finds no snapshot may refuse this log'
    return { name, state: 'fail', detail, fix }
  }
  const { whole, bytes } = looked
  const cut = log.opened.cutBytes
  const torn = cut === 0 ? '' : `; at the start a torn tail of ${cut} bytes was cut, as a crash leaves it`
  const read = whole ? '' : `; of its lines the newest ${Math.floor(bytes / MIB)} MiB were read`
  return { name, state: 'ok', detail: `${paths.log} holds ${log.nextSeq} entries${torn}${read}` }
}

/** A segment that cannot be read, or names a newer format, is damage, too: this version has begun it or read it. */
function asDamage(error: unknown): { readonly damage: string; readonly whole: false; readonly bytes: 0 } {
  if (error instanceof UpshiftError) return { damage: error.message, whole: false, bytes: 0 }
  throw error
}

/** Asks for a checkpoint of everything: where that is signed, tree, projections and snapshot keep up. */
async function followerCheck({ record: { log, follower } }: Parts): Promise<Check> {
  const name = 'audit'
  const waiting = new AbortController()
  try {
    const signed = await Promise.race([
      follower.ask('checkpoint', null),
      pause(FOLLOWED_WAIT_MS, waiting.signal),
    ])
    if (signed) return { name, state: 'ok', detail: `the newest checkpoint covers ${signed.size} entries` }
    const behind = log.nextSeq - follower.reached
    const detail = `the log is followed ${behind} entries behind: usage, lists and checkpoints are that old`
    return { name, state: 'warn', detail, fix: 'wait: a long log is being read; look again in a minute' }
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    const fix = '`upshift audit verify` says what does not fit; requests are answered and recorded meanwhile'
    const { broken } = follower
    const detail = broken === undefined ? error.message : `the log is recorded, but not followed: ${broken}`
    return { name, state: 'fail', detail, fix }
  } finally {
    waiting.abort()
  }
}

function restoreChecks({ paths }: Parts): Check[] {
  return besideHome(paths.home).staged.map((copy) => ({
    name: 'restore',
    state: 'warn',
    detail: `${copy} is left of a restore that was broken off, unless one is at work: a part of a backup, with its keys`,
    fix: 'remove it: nothing is in it that the backup does not have',
  }))
}

function vaultCheck({ paths, record: { vault } }: Parts, { record }: Config): Check {
  const name = 'vault'
  if (record.texts === 'none') return { name, state: 'ok', detail: 'no texts are kept (record.texts: none)' }
  const files = vault.files()
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const kept = `${(bytes / MIB).toFixed(1)} MiB of encrypted texts`
  if (record.masterKey !== undefined) {
    return { name, state: 'ok', detail: `${kept}; the master key lies where record.masterKey says` }
  }
  const key = join(paths.home, 'vault.key')
  if (existsSync(key)) return { name, state: 'ok', detail: `${kept}; the master key lies beside them` }
  const fix = `put ${key} back from a backup before this server ends: no later start reads the texts without it`
  return { name, state: 'fail', detail: `${kept}, and ${key} is gone`, fix }
}

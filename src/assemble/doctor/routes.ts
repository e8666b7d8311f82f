import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import type { Config } from '../../config/sections.ts'
import { type Check, checkSchema } from '../../contract/check.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import { checkFile } from '../../knowledge/collection/check.ts'
import { systemClock } from '../../lib/clock.ts'
import type { UsedPrior } from '../../route/escalate/used-prior.ts'
import { aliasChecks } from '../aliases.ts'
import type { Governing } from '../govern.ts'
import type { Parts } from '../parts.ts'
import { localChecks } from './local.ts'
import { recordChecks } from './record.ts'

export const doctorSchema = z.object({ version: z.string(), node: z.string(), checks: z.array(checkSchema) })

/** Newer than any clock that was never set: the day that this was written. */
const EARLIEST_NOW_MS = Date.UTC(2026, 10, 1)

export interface DoctorParts {
  /** The one that is in force. */
  readonly config: () => Config
  readonly governing: Governing
  readonly version: string
  readonly prior: Pick<UsedPrior, 'check' | 'state'>
}

/** What is wrong inside the home and with the engines. The port is looked at from outside, by the verb. */
export function doctorRoutes(
  parts: Parts,
  { config: inForce, governing, version, prior }: DoctorParts,
): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/doctor',
      access: 'owner',
      summary: 'Checks of the home, its clock, its disk, the record and every engine, each with its fix.',
      answers: doctorSchema,
      handle: async () => {
        await parts.fleet.refresh('all')
        const config = inForce()
        const home = [clockCheck(parts), databaseCheck(parts), lockCheck(parts)]
        const collections = await collectionsCheck(parts.paths.collections)
        const record = await recordChecks(parts, config, governing)
        const engines = [
          ...parts.fleet.checks(),
          ...aliasChecks(parts, config),
          ...localChecks(parts, config),
        ]
        const checks = [...home, ...record, ...collections, ...engines, priorCheck(prior)]
        return { version, node: process.version, checks }
      },
    }),
  ]
}

/** The records carry the time, expiry and caps go by it. */
function clockCheck(parts: Parts): Check {
  const now = systemClock.now()
  const detail = new Date(now).toISOString()
  const newest = Math.max(parts.record.found.newestAt, parts.record.log.newestAt)
  if (now < EARLIEST_NOW_MS)
    return {
      name: 'clock',
      state: 'fail',
      detail: `the clock says ${detail}`,
      fix: 'set the clock (`timedatectl set-ntp true`): keys and caps expire by it',
    }
  if (newest > now) {
    const why = `the clock says ${detail}, before the newest record (${new Date(newest).toISOString()})`
    return {
      name: 'clock',
      state: 'fail',
      detail: why,
      fix: 'find out who set the clock back: daily caps count by it',
    }
  }
  return { name: 'clock', state: 'ok', detail }
}

function databaseCheck(parts: Parts): Check {
  try {
    parts.store.check()
    return { name: 'state', state: 'ok', detail: `${parts.paths.state} is sound` }
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    const fix = 'restore state.db from a backup: it holds the keys and what was allowed'
    return { name: 'state', state: 'fail', detail: error.message, fix }
  }
}

/** Nothing is said of a home that has no collections. */
export async function collectionsCheck(path: string): Promise<Check[]> {
  if (!existsSync(path)) return []
  const name = 'collections'
  const checked = await checkFile(path)
  if (checked.type === 'sound') return [{ name, state: 'ok', detail: `${path} is sound` }]
  const unchecked = { name, state: 'warn' as const, detail: `${path} could not be checked: ${checked.why}` }
  if (checked.type === 'unchecked') return [{ ...unchecked, fix: 'look again when less is going on' }]
  if (checked.type === 'unopened') {
    return [{ name, state: 'warn', detail: checked.why, fix: 'do what is said there, then look again' }]
  }
  const fix = 'without a backup of it, move it aside and `upshift knowledge add` the documents again'
  return [{ name, state: 'fail', detail: checked.why, fix }]
}

function lockCheck(parts: Parts): Check {
  const detail = `${join(parts.paths.home, 'lock.db')} is held by process ${process.pid}`
  return { name: 'lock', state: 'ok', detail }
}

/** What `auto` goes by between two tiers. Without it requests are answered all the same, by coarser rules. */
function priorCheck(prior: DoctorParts['prior']): Check {
  const name = 'routing prior'
  const checked = prior.check()
  if ('why' in checked) {
    const fix =
      'install Upshift anew, or name a prior that `upshift route train` wrote under route.escalation.prior; then `upshift config reload`'
    const detail = `${checked.why}: points of difficulty decide what \`auto\` is`
    return { name, state: 'warn', detail, fix }
  }
  const used = prior.state.type === 'ready' ? 'in use' : 'not read: nothing was decided between two tiers yet'
  return { name, state: 'ok', detail: `${checked.file} is sound, ${used}` }
}

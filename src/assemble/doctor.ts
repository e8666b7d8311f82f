import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { type Check, checkSchema } from '../contract/check.ts'
import { UpshiftError } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import { systemClock } from '../lib/clock.ts'
import type { Parts } from './parts.ts'

export const doctorSchema = z.object({ version: z.string(), node: z.string(), checks: z.array(checkSchema) })

const GIB = 1_073_741_824
const LEAST_FREE_BYTES = GIB
/** Newer than any clock that was never set: the day that this was written. */
const EARLIEST_NOW_MS = Date.UTC(2026, 10, 1)

/** What is wrong inside the home and with the engines. The port is looked at from outside, by the verb. */
export function doctorRoutes(parts: Parts, version: string): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/doctor',
      access: 'owner',
      summary: 'Checks of the home, its disk and clock, the handbook and every engine, each with its fix.',
      answers: doctorSchema,
      handle: async () => {
        await parts.fleet.refresh('all')
        const checks = [diskCheck(parts), clockCheck(parts), databaseCheck(parts), lockCheck(parts)]
        return { version, node: process.version, checks: [...checks, ...parts.fleet.checks()] }
      },
    }),
  ]
}

function diskCheck(parts: Parts): Check {
  const { bavail, bsize } = statfsSync(parts.paths.home)
  const free = bavail * bsize
  const detail = `${(free / GIB).toFixed(1)} GiB free under ${parts.paths.home}`
  if (free >= LEAST_FREE_BYTES) return { name: 'disk', state: 'ok', detail }
  return {
    name: 'disk',
    state: 'fail',
    detail,
    fix: 'free some space, or move the home with UPSHIFT_HOME: without room nothing can be recorded, so nothing is answered',
  }
}

/** The records carry the time, expiry and caps go by it. */
function clockCheck(parts: Parts): Check {
  const now = systemClock.now()
  const detail = new Date(now).toISOString()
  const newest = parts.record.found.newestAt
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

function lockCheck(parts: Parts): Check {
  const detail = `${join(parts.paths.home, 'lock.db')} is held by process ${process.pid}`
  return { name: 'lock', state: 'ok', detail }
}

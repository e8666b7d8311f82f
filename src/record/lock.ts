import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../contract/problem.ts'
import { type FileLock, lockFile } from '../store/lock.ts'

/** One writer per home. */
export type HomeLock = FileLock

/** Another process holds the home: the one fault of it that goes away by waiting. */
export class HomeHeld extends UpshiftError {}

/** Throws HomeHeld, a `conflict`, where another process holds this home. */
export function lockHome(home: string): HomeLock {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const lock = lockFile(join(home, 'lock.db'))
  if (lock !== undefined) return lock
  const message = `Another Upshift process holds ${home}. Stop it, or give this one a home of its own with UPSHIFT_HOME.`
  throw new HomeHeld({ code: 'conflict', message })
}

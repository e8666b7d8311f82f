import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { UpshiftError } from '../contract/problem.ts'

/**
 * One writer per home. The lock is SQLite's own exclusive lock on an empty database: an operating-system lock
 * that the kernel releases when the process dies, however it dies, so that there is never a stale one to
 * clear by hand.
 */
export interface HomeLock {
  release(): void
}

/** Throws `conflict` where another process holds this home. */
export function lockHome(home: string): HomeLock {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const path = join(home, 'lock.db')
  const database = new DatabaseSync(path)
  chmodSync(path, 0o600)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (cause instanceof Error && /locked|busy/i.test(cause.message)) {
      const message = `Another Upshift process holds ${home}. Stop it, or give this one a home of its own with UPSHIFT_HOME.`
      throw new UpshiftError({ code: 'conflict', message }, cause)
    }
    throw cause
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}

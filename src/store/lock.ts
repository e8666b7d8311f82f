import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { HomeError } from '../contract/problem.ts'
import { SQLITE, sqliteCode } from '../lib/sqlite.ts'

/** A lock that one process holds; the kernel drops it with the process. */
export interface FileLock extends Disposable {
  release(): void
}

/**
 * Takes the lock at `path`, a file of mode 0600 that is made and stays there; undefined where another process, or
 * this one, holds it. It is SQLite's own exclusive lock on an empty database: the operating system releases it when
 * the process dies, however it dies, so that there is never a stale one to clear by hand. Throws HomeError
 * where the file cannot be made or used, or is no lock.
 */
export function lockFile(path: string): FileLock | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    chmodSync(path, 0o600)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database?.close()
    if (sqliteCode(cause) === SQLITE.busy) return undefined
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `The lock ${path} cannot be used: ${why}. See who owns it and its mode: a command of another user, root for one, may have made it. Nothing is kept in it: where no Upshift runs there it can be removed.`
    throw new HomeError({ code: 'conflict', message }, cause)
  }
  const held = database
  const release = (): void => {
    if (held.isOpen) held.close()
  }
  return { release, [Symbol.dispose]: release }
}

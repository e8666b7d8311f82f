import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

/** A lock that one process holds; the kernel drops it with the process. */
export interface FileLock extends Disposable {
  release(): void
}

/**
 * Takes the lock at `path`, a file of mode 0600 that is made and stays there; undefined where another process, or
 * this one, holds it. It is SQLite's own exclusive lock on an empty database: the operating system releases it when
 * the process dies, however it dies, so that there is never a stale one to clear by hand. Throws where the file
 * cannot be made or is no lock.
 */
export function lockFile(path: string): FileLock | undefined {
  const database = new DatabaseSync(path)
  try {
    chmodSync(path, 0o600)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/i.test(error.message)) return undefined
    throw error
  }
  const release = (): void => {
    if (database.isOpen) database.close()
  }
  return { release, [Symbol.dispose]: release }
}

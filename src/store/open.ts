import { chmodSync, closeSync, openSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { HomeError } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import { isMalformed, SQLITE, sqliteCode } from '../lib/sqlite.ts'
import { expectFile } from './kinds.ts'
import { type Migration, migrate } from './migration.ts'

// DESIGN. One SQLite file, opened by one process for writing (the home's lock sees to that) and readable by
// others beside it thanks to the write-ahead log. `synchronous=NORMAL` means: a transaction survives the
// death of the process at any moment and the file is never torn, but a loss of power may undo the last
// transactions. That is right for projections of the log; where it is not (a revoked key must stay revoked),
// the writer asks for `'power'` and the commit waits for the disk. `secure_delete` overwrites deleted bytes.
// No feature's SQL stands in this folder.

/** How long a statement waits for another process's lock before it fails. */
const BUSY_TIMEOUT_MS = 5_000

/** Files up to this size are checked whole when opened: some 20 ms at the bound, far below 1 ms as a rule. */
const CHECK_ON_OPEN_BYTES = 16 * 1024 * 1024

/** The file is damaged, or no database: not one that is busy, may not be opened, or is of a newer version. */
export class DamagedError extends HomeError {}

/** What a transaction survives once it has returned: the process's death, or the machine's power loss too. */
export type Durability = 'process' | 'power'

export interface Store extends Disposable {
  readonly path: string
  prepare(sql: string): StatementSync
  /**
   * Runs `change` between BEGIN IMMEDIATE and COMMIT and returns what it returned; where it throws, nothing
   * is changed and the error goes on. Synchronous only, never nested: both are bugs and throw.
   */
  transaction<Result>(change: () => Result, durability?: Durability): Result
  /**
   * Begins a transaction whose changes come one by one; `commit` ends it, and closing the store undoes it. Where a
   * change fails nothing says which of them are left: the store is to be closed. As `transaction`, never nested.
   */
  begin(): void
  commit(): void
  /**
   * Runs `read` at one moment of the file and returns what it returned: what others commit meanwhile it does not see. It
   * waits for no writer and no writer waits for it; a write in it is a bug. Synchronous only, never nested.
   */
  reading<Result>(read: () => Result): Result
  /** Reads the whole file and throws DamagedError, naming the file, where it is damaged. */
  check(): void
  close(): void
}

/**
 * Opens (or creates, with mode 0600) the database at `path` and brings its tables up to date.
 * Throws HomeError that names the file: it cannot be opened, is damaged or no database (DamagedError), or was
 * written by a newer version.
 */
export function openStore(path: string, migrations: readonly Migration[]): Store {
  expectFile(path)
  keepPrivate(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
    tune(database, path)
    const store = new SqliteStore(database, path)
    if (statSync(path).size <= CHECK_ON_OPEN_BYTES) store.check()
    const obstacle = migrate(database, migrations)
    if (obstacle === undefined) return store
    throw new HomeError({ code: 'conflict', message: `The database ${path} ${obstacle}` })
  } catch (error) {
    database?.close()
    throw explained(error, path)
  }
}

const NESTED = 'a transaction inside a transaction'

class SqliteStore implements Store {
  readonly path: string
  readonly #database: DatabaseSync

  constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.path = path
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql)
  }

  transaction<Result>(change: () => Result, durability: Durability = 'process'): Result {
    if (durability === 'process') return this.#within('BEGIN IMMEDIATE', change)
    const database = this.#database
    assert(!database.isTransaction, NESTED)
    database.exec('PRAGMA synchronous = FULL')
    try {
      return this.#within('BEGIN IMMEDIATE', change)
    } finally {
      database.exec('PRAGMA synchronous = NORMAL')
    }
  }

  begin(): void {
    assert(!this.#database.isTransaction, NESTED)
    this.#database.exec('BEGIN IMMEDIATE')
  }

  commit(): void {
    this.#database.exec('COMMIT')
  }

  reading<Result>(read: () => Result): Result {
    return this.#within('BEGIN DEFERRED', read)
  }

  #within<Result>(begin: 'BEGIN IMMEDIATE' | 'BEGIN DEFERRED', work: () => Result): Result {
    const database = this.#database
    assert(!database.isTransaction, NESTED)
    try {
      database.exec(begin)
      const result = work()
      assert(!(result instanceof Promise), 'a transaction must be synchronous: it returned a promise')
      database.exec('COMMIT')
      return result
    } finally {
      // SQLite itself may have rolled back (disk full); a second ROLLBACK would hide why.
      if (database.isTransaction) database.exec('ROLLBACK')
    }
  }

  check(): void {
    try {
      const first = this.#database.prepare('PRAGMA quick_check(1)').get()
      const verdict = first === undefined ? 'no verdict' : String(Object.values(first)[0])
      if (verdict !== 'ok') throw damaged(this.path, verdict)
    } catch (error) {
      throw explained(error, this.path)
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function tune(database: DatabaseSync, path: string): void {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode
  if (mode !== 'wal') {
    const message =
      `The database ${path} cannot use a write-ahead log (SQLite answered "${mode}"): its folder is probably ` +
      'on a network or read-only file system. Choose a home on a local disk (UPSHIFT_HOME).'
    throw new HomeError({ code: 'conflict', message })
  }
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF')
}

/** True where nothing is kept yet: no file, or an empty one. */
export function isBlank(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0
}

/**
 * Creates the database's file before SQLite does, with mode 0600, or narrows it: SQLite gives its -wal and -shm
 * files the same mode. Throws HomeError that names the file where it can be neither.
 * A file that is there is never opened here: closing it would drop the POSIX locks of every other connection
 * that this process has to it (https://www.sqlite.org/howtocorrupt.html, 2.2).
 */
export function keepPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw unopened(path, error)
  }
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/** What a fault of the database at `path` means: HomeError where SQLite says that it lies in the file, else the error itself. */
export function explained(error: unknown, path: string): unknown {
  if (isMalformed(error)) return damaged(path, error.message, error)
  const code = sqliteCode(error)
  if (code === SQLITE.cantOpen || code === SQLITE.readOnly) return unopened(path, error)
  if (code === SQLITE.busy) {
    const message =
      `The database ${path} was locked by another process for ${BUSY_TIMEOUT_MS / 1000} s. ` +
      'Stop the other Upshift that uses this home, or choose another home (UPSHIFT_HOME).'
    return new HomeError({ code: 'conflict', message }, error)
  }
  return error
}

function unopened(path: string, cause: unknown): HomeError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `The database ${path} cannot be opened for writing: ${why}. Check the path and who owns it.`
  return new HomeError({ code: 'conflict', message }, cause)
}

function damaged(path: string, why: string, cause?: unknown): DamagedError {
  const message =
    `The database ${path} is damaged or not a database: ${why}. ` +
    'Move the file (and its -wal and -shm) aside and put a copy from a backup in its place.'
  return new DamagedError({ code: 'internal', message }, cause)
}

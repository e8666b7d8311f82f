import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { UpshiftError } from '../../contract/problem.ts'
import { keepPrivate } from '../../store/open.ts'

/**
 * The version of everything below and of how documents are cut. A file of another version is rebuilt: all
 * that it holds can be read from the documents again, except the older versions that citations may name.
 */
const INDEX_VERSION = 3

const SCHEMA = `
  CREATE TABLE document (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    stamp TEXT NOT NULL
  ) STRICT;
  CREATE TABLE version (
    document TEXT NOT NULL,
    version TEXT NOT NULL,
    text TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (document, version)
  ) STRICT;
  CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    document TEXT NOT NULL,
    headings TEXT NOT NULL,
    asked TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX passage_document ON passage (document);
  CREATE VIRTUAL TABLE passage_words USING fts5 (
    headings, asked, body, content = '', contentless_delete = 1, tokenize = 'porter unicode61 remove_diacritics 2'
  );
`

/**
 * Opens the index at `path`, creating or rebuilding it where it is missing, of another version, or damaged:
 * it is derived from the documents, so building it anew loses no more than older versions' texts.
 * The file is readable by its owner only. `:memory:` keeps it in memory. Throws UpshiftError where the file
 * cannot be created.
 */
export function openIndex(path: string): DatabaseSync {
  if (path !== ':memory:' && existsSync(path)) {
    const current = openCurrent(path)
    if (current !== undefined) return current
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
  }
  try {
    if (path !== ':memory:') keepPrivate(path)
    const database = new DatabaseSync(path)
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA user_version = ${INDEX_VERSION}; COMMIT;`)
    return database
  } catch (cause) {
    throw new UpshiftError(
      {
        code: 'internal',
        message: `The handbook's index cannot be created at ${path}: ${String(cause)}. Check that the folder exists, is writable, and has space left.`,
      },
      cause,
    )
  }
}

/** Undefined where the file is no database, is damaged, or is of another version. */
function openCurrent(path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined
  try {
    keepPrivate(path)
    database = new DatabaseSync(path)
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    const sound = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (version === INDEX_VERSION && sound === 'ok') return database
    database.close()
  } catch (cause) {
    database?.close()
    if (isBusy(cause)) throw cause
  }
  return undefined
}

/** Another process holds the file: that is no damage. */
function isBusy(cause: unknown): boolean {
  return cause instanceof Error && /locked|busy/i.test(cause.message)
}

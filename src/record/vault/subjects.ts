import { createHmac } from 'node:crypto'
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs'
import type { SQLOutputValue, StatementSync } from 'node:sqlite'
import { UpshiftError } from '../../contract/problem.ts'
import { pause } from '../../lib/clock.ts'
import type { Migration } from '../../store/migration.ts'
import { openStore, type Store } from '../../store/open.ts'
import { deriveKeys, type RandomBytes, type VaultKeys } from './master.ts'
import { unwrap, wrap } from './wrap.ts'

/**
 * DESIGN. The table of subjects: whom texts are about, each with random keys of its own, wrapped by the master key.
 * A subject's name stands there twice, never readable by itself: as an HMAC to find it by, and encrypted under the
 * subject's own name key. Deleting the row is what erases a person, so the row's bytes must be gone from the disk.
 * `secure_delete` alone does not do that: where SQLite splits or merges pages it leaves copies of moved rows in
 * pages' unused parts (measured with 3.53: some 3 of 1,000 deleted rows were still readable). So an erasure rebuilds
 * the file (VACUUM, 1.1 ms per 1,000 subjects), moves everything out of the write-ahead log and truncates that. A row of the
 * state table says that this was begun, and the next opening ends it.
 */
const migrations: readonly Migration[] = [
  {
    feature: 'vault',
    version: 1,
    sql: `
      CREATE TABLE vault_state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        -- Derived from the master key: tells a wrong one.
        key_check BLOB NOT NULL,
        -- Number of the next file of texts; a number is never given twice.
        next_file INTEGER NOT NULL,
        -- 1 from a row's deletion until its bytes are gone.
        scrubbing INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE vault_subject (
        ref TEXT PRIMARY KEY,
        name_tag BLOB NOT NULL UNIQUE,
        wrapped_keys BLOB NOT NULL,
        wrapped_name BLOB NOT NULL,
        created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
]

/** Turns of truncating the write-ahead log while another connection reads from it, and the pause between. */
const SCRUB_TURNS = 40
const SCRUB_PAUSE_MS = 50
/** Milliseconds that SQLite itself waits for a reader when the database is opened. */
const OPEN_WAIT_MS = 5_000

/** 32 bytes that encrypt the subject's texts, then 32 that encrypt its name. */
const KEYS_BYTES = 64
const TEXT_KEY_BYTES = 32

export interface SubjectRow {
  readonly ref: string
  readonly nameTag: Buffer
  readonly wrappedKeys: Buffer
  readonly wrappedName: Buffer
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

export class Subjects {
  readonly #store: Store
  readonly #keys: VaultKeys
  readonly #wal: number
  readonly #byTag: StatementSync
  readonly #byRef: StatementSync
  readonly #insert: StatementSync
  #unsynced = false

  /** Throws UpshiftError where the master key is not the one that the database was made with. */
  constructor(path: string, master: Uint8Array) {
    this.#keys = deriveKeys(master)
    this.#store = openStore(path, migrations)
    try {
      // What is rebuilt would go through a file outside the home otherwise.
      this.#store.prepare('PRAGMA temp_store = MEMORY').run()
      this.#admit(path)
      this.#byTag = this.#store.prepare('SELECT ref, wrapped_keys FROM vault_subject WHERE name_tag = ?')
      this.#byRef = this.#store.prepare('SELECT wrapped_keys, wrapped_name FROM vault_subject WHERE ref = ?')
      this.#insert = this.#store.prepare('INSERT INTO vault_subject VALUES (?, ?, ?, ?, ?)')
      // SQLite puts no locks on this file, so closing it drops none (unlike the database itself).
      this.#wal = openSync(`${path}-wal`, 'r+')
    } catch (error) {
      this.#store.close()
      throw error
    }
  }

  /** A row for a name that has none, and its text key. Nothing is written. */
  make(ref: string, name: string, createdAt: number, randomBytes: RandomBytes): [SubjectRow, Buffer] {
    const keys = randomBytes(KEYS_BYTES)
    const wrappedKeys = wrap(this.#keys.wrapping, keys, ref, randomBytes)
    const wrappedName = wrap(keys.subarray(TEXT_KEY_BYTES), Buffer.from(name), ref, randomBytes)
    const textKey = textKeyOf(keys)
    return [{ ref, nameTag: this.#tag(name), wrappedKeys, wrappedName, createdAt }, textKey]
  }

  /** In one transaction. What it writes survives the process; a power loss only after `sync`. */
  add(rows: Iterable<SubjectRow>): void {
    this.#store.transaction(() => {
      for (const row of rows)
        this.#insert.run(row.ref, row.nameTag, row.wrappedKeys, row.wrappedName, row.createdAt)
    })
    this.#unsynced = true
  }

  refOf(name: string): string | undefined {
    const row = this.#byTag.get(this.#tag(name))
    return row === undefined ? undefined : String(row.ref)
  }

  /** Ref and text key. Throws UpshiftError where the row was changed by another hand. */
  load(name: string): [string, Buffer] | undefined {
    const row = this.#byTag.get(this.#tag(name))
    if (row === undefined) return undefined
    const ref = String(row.ref)
    return [ref, textKeyOf(this.#unwrapped(ref, row.wrapped_keys))]
  }

  nameOf(ref: string): string | undefined {
    const row = this.#byRef.get(ref)
    if (row === undefined) return undefined
    const keys = this.#unwrapped(ref, row.wrapped_keys)
    const name = unwrap(keys.subarray(TEXT_KEY_BYTES), blob(row.wrapped_name), ref)
    keys.fill(0)
    if (name === undefined) throw changed(this.#store.path, ref)
    return name.toString()
  }

  /** Deletes a row, also over a loss of power. False where there is none. `scrub` must follow. */
  delete(ref: string): boolean {
    return this.#store.transaction(() => {
      this.#store.prepare('UPDATE vault_state SET scrubbing = 1').run()
      return this.#store.prepare('DELETE FROM vault_subject WHERE ref = ?').run(ref).changes > 0
    }, 'power')
  }

  /**
   * Leaves no byte of deleted rows in the database's files. Waits for readers, SCRUB_TURNS times SCRUB_PAUSE_MS at
   * most; throws UpshiftError where they still held on: then bytes may remain, and calling again ends it.
   */
  async scrub(): Promise<void> {
    try {
      this.#store.prepare('VACUUM').run()
      for (let turn = 0; !this.#truncateWal(0); turn++) {
        if (turn === SCRUB_TURNS) throw new Error(HELD)
        await pause(SCRUB_PAUSE_MS)
      }
      // SQLite truncates and does not wait for the disk: a loss of power could bring the old length back.
      fsyncSync(this.#wal)
      this.#store.prepare('UPDATE vault_state SET scrubbing = 0').run()
      this.#unsynced = true
    } catch (cause) {
      throw unscrubbed(this.#store.path, cause)
    }
  }

  /** The number for the next file of texts, at least `least`; it is not given again. */
  takeFileNumber(least: number): number {
    return this.#store.transaction(() => {
      const next = Number(this.#store.prepare('SELECT next_file FROM vault_state').get()?.next_file)
      const taken = Math.max(next, least)
      this.#store.prepare('UPDATE vault_state SET next_file = ?').run(taken + 1)
      return taken
    })
  }

  /** Resolves once what was written is on the disk. */
  sync(): Promise<void> {
    if (!this.#unsynced) return Promise.resolve()
    this.#unsynced = false
    return new Promise((resolve, reject) => {
      fdatasync(this.#wal, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  close(): void {
    this.#store.close()
    closeSync(this.#wal)
    this.#keys.wrapping.fill(0)
    this.#keys.tagging.fill(0)
  }

  #admit(path: string): void {
    const state = this.#store.prepare('SELECT key_check, scrubbing FROM vault_state').get()
    if (state === undefined) {
      this.#store.prepare('INSERT INTO vault_state VALUES (1, ?, 1, 0)').run(this.#keys.check)
      return
    }
    if (!this.#keys.check.equals(blob(state.key_check))) throw wrongMaster(path)
    if (state.scrubbing === 0) return
    this.#store.prepare('VACUUM').run()
    if (!this.#truncateWal(OPEN_WAIT_MS)) throw unscrubbed(path, new Error(HELD))
    this.#store.prepare('UPDATE vault_state SET scrubbing = 0').run()
  }

  /** False where a reader held on to it. */
  #truncateWal(waitMs: number): boolean {
    this.#store.prepare(`PRAGMA busy_timeout = ${waitMs}`).get()
    const end = this.#store.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
    this.#store.prepare(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}`).get()
    return end?.busy === 0
  }

  #tag(name: string): Buffer {
    return createHmac('sha256', this.#keys.tagging).update(name).digest()
  }

  #unwrapped(ref: string, box: SQLOutputValue | undefined): Buffer {
    const keys = unwrap(this.#keys.wrapping, blob(box), ref)
    if (keys === undefined) throw changed(this.#store.path, ref)
    return keys
  }
}

/** The text key of a subject's wrapped keys, in memory of its own; undefined where they were changed. */
export function unwrapTextKey(
  wrapping: Uint8Array,
  box: SQLOutputValue | undefined,
  ref: string,
): Buffer | undefined {
  const keys = unwrap(wrapping, blob(box), ref)
  return keys === undefined ? undefined : textKeyOf(keys)
}

/** For every opener of the database: tells a wrong master key, with what to do. */
export function wrongMaster(path: string): UpshiftError {
  const message =
    `${path} was made with another master key than the one that was given. Put back the one it was made with: the ` +
    'configured record.masterKey (UPSHIFT_MASTER_KEY), or the file vault.key from a backup. Without it its texts cannot ' +
    'be read: to begin anew, move vault.db and the folder vault aside.'
  return new UpshiftError({ code: 'conflict', message })
}

export function blob(value: SQLOutputValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new Error('a column of vault.db that is a BLOB by its table is none')
}

/** Copies the text key out and zeroes the rest. */
function textKeyOf(keys: Buffer): Buffer {
  const textKey = Buffer.alloc(TEXT_KEY_BYTES)
  keys.copy(textKey, 0, 0, TEXT_KEY_BYTES)
  keys.fill(0)
  return textKey
}

function changed(path: string, ref: string): UpshiftError {
  const message = `The keys of ${ref} in ${path} were changed by another hand than Upshift's, and do not open. Put the database back from a backup.`
  return new UpshiftError({ code: 'internal', message })
}

const HELD = 'another thread or process was reading it all the time'

function unscrubbed(path: string, cause: unknown): UpshiftError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message =
    `The subject's row is deleted, but its bytes may still lie in ${path} or ${path}-wal, which could not be ` +
    `rebuilt: ${why}. End what reads it, make room on its disk, and erase again; a restart of Upshift tries it too.`
  return new UpshiftError({ code: 'conflict', message }, cause)
}

import { hash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { TextRef } from '../../contract/entry.ts'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { vaultFileName } from './files.ts'
import { idOfRef, openFrame, readFrame } from './frame.ts'
import { deriveKeys } from './master.ts'
import { blob, unwrapTextKey, wrongMaster } from './subjects.ts'
import { isWiped } from './wipe.ts'

/** What became of a text. */
export type VaultText =
  | { readonly type: 'text'; readonly text: Buffer }
  /** The subject's keys are destroyed, or the text was overwritten. */
  | { readonly type: 'erased' }
  /** Its file went by the retention policy. */
  | { readonly type: 'expired' }
  /** The bytes are not those that the log commits to. */
  | { readonly type: 'damaged'; readonly why: string }

/** Reads texts beside the process or thread that writes them. Synchronous: not for the thread of the path. */
export interface VaultReader extends Disposable {
  /** The text of `ref`'s that lies at `text`. Its bytes always are those that the log commits to. */
  read(ref: string, text: TextRef): VaultText
  close(): void
}

const BUSY_TIMEOUT_MS = 5_000

/**
 * Throws UpshiftError where the database cannot be read or the master key is not the one that it was made with.
 * Keys are read for each call and zeroed after it, so that an erasure holds from its transaction on.
 */
export function openVaultReader(options: {
  readonly folder: string
  readonly database: string
  readonly master: Uint8Array
}): VaultReader {
  return new FileReader(options.folder, options.database, options.master)
}

class FileReader implements VaultReader {
  readonly #folder: string
  readonly #database: DatabaseSync
  readonly #wrapping: Buffer
  readonly #keys: StatementSync

  constructor(folder: string, path: string, master: Uint8Array) {
    const { check, wrapping } = deriveKeys(master)
    this.#folder = folder
    this.#wrapping = wrapping
    this.#database = opened(path)
    try {
      const state = this.#database.prepare('SELECT key_check FROM vault_state').get()
      if (state === undefined || !check.equals(blob(state.key_check))) throw wrongMaster(path)
      this.#keys = this.#database.prepare('SELECT wrapped_keys FROM vault_subject WHERE ref = ?')
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  read(ref: string, text: TextRef): VaultText {
    const row = this.#keys.get(ref)
    const id = idOfRef(ref)
    if (row === undefined || id === undefined) return { type: 'erased' }
    const bytes = this.#frame(text)
    if (!Buffer.isBuffer(bytes)) return bytes
    if (hash('sha256', bytes, 'base64url') !== text.sha256)
      // Zeros alone are what a wiping leaves; whether the log knows of one is for the audit to say.
      return isWiped(bytes) ? { type: 'erased' } : damaged('its hash is not the one in the log')
    const frame = readFrame(bytes)
    if (frame === undefined || !frame.id.equals(id)) return damaged(`it is not a text of ${ref}`)
    const textKey = unwrapTextKey(this.#wrapping, row.wrapped_keys, ref)
    if (textKey === undefined) return damaged(`the keys of ${ref} in vault.db were changed`)
    const plain = openFrame(frame, textKey)
    textKey.fill(0)
    return { type: 'text', text: plain }
  }

  close(): void {
    if (!this.#database.isOpen) return
    this.#database.close()
    this.#wrapping.fill(0)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #frame(text: TextRef): Buffer | VaultText {
    let descriptor: number
    try {
      descriptor = openSync(join(this.#folder, vaultFileName(text.file)), 'r')
    } catch (error) {
      if (isMissing(error)) return { type: 'expired' }
      throw error
    }
    try {
      // Looked at first, so that a forged length makes no buffer of its size.
      if (fstatSync(descriptor).size < text.at + text.bytes)
        return damaged('its file ends before the text does')
      const bytes = Buffer.allocUnsafe(text.bytes)
      for (let read = 0; read < text.bytes; ) {
        const more = readSync(descriptor, bytes, read, text.bytes - read, text.at + read)
        if (more === 0) return damaged('its file ends before the text does')
        read += more
      }
      return bytes
    } finally {
      closeSync(descriptor)
    }
  }
}

function opened(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `The vault ${path} cannot be read: ${why}. It is made by the first start of the server; check the path and who owns it.`
    throw new UpshiftError({ code: 'conflict', message }, cause)
  }
}

function damaged(why: string): VaultText {
  return { type: 'damaged', why }
}

import { hkdfSync } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { syncFolder } from '../../lib/sync-folder.ts'

// DESIGN. One master key of 32 bytes opens the vault: it wraps the subjects' keys and is never used for a text.
// It comes from the configuration (then a copy of the home alone reads nothing), or from `vault.key` in the
// home. That file is written whole under a name of its own, synced, and linked to its place: link(2) fails where
// the name exists, so of two processes that start at once one wins and the other reads the winner's key, and a
// kill at any moment leaves no file or a whole one. A home that has a vault and lost its key gets no new one: it
// would hide the loss behind texts that nobody can read.

/** Cryptographically strong random bytes: node's `randomBytes`, handed in so that a test can watch it. */
export type RandomBytes = (size: number) => Buffer

/** In the home, beside the folder of texts. */
export const VAULT_DATABASE = 'vault.db'

const MASTER_BYTES = 32

const FILE_NAME = 'vault.key'
const NEW_PREFIX = `${FILE_NAME}.new-`
const MAX_FILE_BYTES = 4_096
/** Turns of create-or-read: a second one is needed only where the file vanished between the two. */
const MAX_TURNS = 8
const HEX = /^[0-9a-fA-F]{64}$/
const BASE64 = /^[A-Za-z0-9+/_-]{43}=?$/

/**
 * The master key, 32 bytes: the configured text (64 hex digits, or 43 characters of base64 with or without its
 * `=`, either alphabet), else the one in `<home>/vault.key`, which the first start writes with mode 0600.
 * Throws UpshiftError where the text is no such key, where the file is open to others, or where the home has a
 * vault and no key to it.
 */
export function masterKey(from: {
  readonly home: string
  readonly configured: string | undefined
  readonly randomBytes: RandomBytes
}): Buffer {
  if (from.configured !== undefined) return parsed(from.configured.trim(), 'The configured record.masterKey')
  const path = join(from.home, FILE_NAME)
  fs.mkdirSync(from.home, { recursive: true, mode: 0o700 })
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const present = read(path)
    if (present !== undefined) {
      sweep(from.home)
      return present
    }
    if (fs.existsSync(join(from.home, VAULT_DATABASE))) throw lost(path, from.home)
    const key = from.randomBytes(MASTER_BYTES)
    if (create(from.home, path, key.toString('hex'), from.randomBytes(4).toString('hex'))) return key
  }
  throw failure(`The vault's key ${path} keeps vanishing. Is something deleting files in ${from.home}?`)
}

/** What the master key is used through; each of 32 bytes, `check` of 16. */
export interface VaultKeys {
  /** Wraps the subjects' keys. */
  readonly wrapping: Buffer
  /** Makes look-up tags of the subjects' names. */
  readonly tagging: Buffer
  /** Stands in the database in plain: tells another master key from the right one. */
  readonly check: Buffer
}

/** Source: HKDF with SHA-256, RFC 5869, without salt: the input is a uniform key. */
export function deriveKeys(master: Uint8Array): VaultKeys {
  if (master.length !== MASTER_BYTES) throw new Error(`a master key has ${MASTER_BYTES} bytes`)
  const derive = (purpose: string, bytes: number): Buffer =>
    Buffer.from(hkdfSync('sha256', master, '', `upshift vault 1 ${purpose}`, bytes))
  return { wrapping: derive('wrapping', 32), tagging: derive('tagging', 32), check: derive('check', 16) }
}

function read(path: string): Buffer | undefined {
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw failure(`The vault's key ${path} cannot be read: ${wordsOf(error)}. Check who owns it.`, error)
  }
  try {
    const stats = fs.fstatSync(file)
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) {
      throw failure(`${path} is no key. Put the vault's key from a backup in its place.`)
    }
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
      throw failure(
        `The vault's key ${path} can be read by others (mode ${(stats.mode & 0o777).toString(8)}), who could ` +
          `read every text with it. Close it with \`chmod 600 '${path}'\`.`,
      )
    }
    return parsed(fs.readFileSync(file, 'utf8').trim(), `The vault's key in ${path}`)
  } finally {
    fs.closeSync(file)
  }
}

function parsed(text: string, what: string): Buffer {
  if (HEX.test(text)) return Buffer.from(text, 'hex')
  // Buffer reads both alphabets of base64.
  if (BASE64.test(text)) return Buffer.from(text, 'base64')
  throw failure(
    `${what} must be ${MASTER_BYTES} bytes, as 64 hex digits or 43 characters of base64, and it is not. ` +
      'Make one with `openssl rand -hex 32`; where texts are kept already, put back the one they were kept with.',
  )
}

/** True where this process won; false where another one did, and its file is there to be read. */
function create(home: string, path: string, text: string, draft: string): boolean {
  const fresh = join(home, `${NEW_PREFIX}${process.pid}-${draft}`)
  try {
    writeSynced(fresh, text)
    fs.linkSync(fresh, path)
  } catch (error) {
    // ENOENT: the winner has swept our draft away.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false
    throw failure(
      `The vault's key ${path} cannot be written: ${wordsOf(error)}. Choose a home on a local disk (UPSHIFT_HOME), ` +
        'give the key itself in UPSHIFT_MASTER_KEY or UPSHIFT_MASTER_KEY_FILE, or keep no texts (UPSHIFT_TEXTS=none).',
      error,
    )
  } finally {
    fs.rmSync(fresh, { force: true })
  }
  syncFolder(home)
  sweep(home)
  return true
}

function writeSynced(path: string, text: string): void {
  const file = fs.openSync(path, 'wx', 0o600)
  try {
    fs.writeFileSync(file, `${text}\n`)
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}

/** Removes drafts that killed processes left. A living process whose draft goes reads the file that is there. */
function sweep(home: string): void {
  for (const name of fs.readdirSync(home)) {
    if (name.startsWith(NEW_PREFIX)) fs.rmSync(join(home, name), { force: true })
  }
}

function lost(path: string, home: string): UpshiftError {
  return failure(
    `${path} is not there, and ${join(home, VAULT_DATABASE)} holds keys that only it opens. Put it back from a ` +
      'backup, or give the key in UPSHIFT_MASTER_KEY or UPSHIFT_MASTER_KEY_FILE. If it is lost for good so are the ' +
      `texts: move ${VAULT_DATABASE} and the folder vault in ${home} aside, and the next start begins a new vault.`,
  )
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'conflict', message }, cause)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

import { hkdfSync } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { readOrCreate } from '../../store/private-file.ts'

// DESIGN. One master key of 32 bytes opens the vault: it wraps the subjects' keys and is never used for a text.
// It comes from the configuration (then a copy of the home alone reads nothing), or from `vault.key` in the
// home. A home that has a vault and lost its key gets no new one: it would hide the loss behind texts that nobody
// can read.

/** Cryptographically strong random bytes: node's `randomBytes`, handed in so that a test can watch it. */
export type RandomBytes = (size: number) => Buffer

/** In the home, beside the folder of texts. */
export const VAULT_DATABASE = 'vault.db'

const MASTER_BYTES = 32

const FILE_NAME = 'vault.key'
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
  fs.mkdirSync(from.home, { recursive: true, mode: 0o700 })
  const path = join(from.home, FILE_NAME)
  const { text } = readOrCreate({ path, ...WORDS }, () => {
    if (fs.existsSync(join(from.home, VAULT_DATABASE))) throw lost(path, from.home)
    return {
      text: `${from.randomBytes(MASTER_BYTES).toString('hex')}\n`,
      suffix: `${process.pid}-${from.randomBytes(4).toString('hex')}`,
    }
  })
  return parsed(text.trim(), `The vault's key in ${path}`)
}

const WORDS = {
  what: "The vault's key",
  whereOpen: '; whoever read it can read every text of a copy of this home',
  whereUnwritable:
    ', give the key itself in UPSHIFT_MASTER_KEY or UPSHIFT_MASTER_KEY_FILE, or keep no texts (UPSHIFT_TEXTS=none)',
} as const

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

function parsed(text: string, what: string): Buffer {
  if (HEX.test(text)) return Buffer.from(text, 'hex')
  // Buffer reads both alphabets of base64.
  if (BASE64.test(text)) return Buffer.from(text, 'base64')
  throw failure(
    `${what} must be ${MASTER_BYTES} bytes, as 64 hex digits or 43 characters of base64, and it is not. ` +
      'Make one with `openssl rand -hex 32`; where texts are kept already, put back the one they were kept with.',
  )
}

function lost(path: string, home: string): UpshiftError {
  return failure(
    `${path} is not there, and ${join(home, VAULT_DATABASE)} holds keys that only it opens. Put it back from a ` +
      'backup, or give the key in UPSHIFT_MASTER_KEY or UPSHIFT_MASTER_KEY_FILE. If it is lost for good so are the ' +
      `texts: move ${VAULT_DATABASE} and the folder vault in ${home} aside, and the next start begins a new vault.`,
  )
}

function failure(message: string): UpshiftError {
  return new UpshiftError({ code: 'conflict', message })
}

import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { UpshiftError } from '../contract/problem.ts'
import { syncFolder } from '../lib/sync-folder.ts'
import { type PrivateFile, readOrCreate, readPrivate, replaceWhole } from '../store/private-file.ts'
import { newSecret, type RandomBytes } from './secret.ts'

// DESIGN. The owner's key is the one secret kept as text, since the CLI must be able to show it: a file in the
// home that only its owner can read (store/private-file.ts says how it comes to be whole). Rotation renames over
// it. In a container the key comes from the configuration (environment or mounted file) and nothing is written.

/** The owner's id in logs and records. */
export const OWNER_ID = 'key_owner'

const FILE_NAME = 'owner.key'
const MIN_SECRET_CHARS = 32
const MAX_SECRET_CHARS = 256

/** Visible ASCII without spaces: what fits into an Authorization header. */
const SECRET_FORM = /^[\x21-\x7e]+$/

export interface OwnerKey {
  readonly secret: string
  /** The file that holds it; undefined where the configuration gave the key. */
  readonly path: string | undefined
  /** True where this call wrote the file. */
  readonly created: boolean
}

/**
 * The owner's key: the configuration's where it gives one, else the one in `<home>/owner.key`, which is
 * written on the first start (home 0700, file 0600). Throws UpshiftError where the key is too short, or the
 * file or home is open to others: the message holds the command that closes it.
 */
export function ownerKey(from: {
  readonly home: string
  readonly fromConfig: string | undefined
  readonly randomBytes: RandomBytes
}): OwnerKey {
  if (from.fromConfig !== undefined) {
    return {
      secret: checked(from.fromConfig, 'The owner’s key in the configuration'),
      path: undefined,
      created: false,
    }
  }
  prepareHome(from.home)
  const file = fileIn(from.home)
  const { text, created } = readOrCreate(file, () => ({
    text: `${newSecret(from.randomBytes)}\n`,
    suffix: `${process.pid}-${from.randomBytes(4).toString('hex')}`,
  }))
  return { secret: secretIn(file, text), path: file.path, created }
}

/** The key in `<home>/owner.key`, for the CLI; undefined where there is none. Throws UpshiftError as `ownerKey`. */
export function readOwnerKey(home: string): string | undefined {
  const file = fileIn(home)
  const text = readPrivate(file)
  return text === undefined ? undefined : secretIn(file, text)
}

/** Puts a new secret into the file, whole or not at all. Only for a key that came from the file. */
export function replaceOwnerKey(path: string, secret: string): void {
  try {
    replaceWhole(path, `${secret}\n`, 0o600)
    syncFolder(dirname(path))
  } catch (error) {
    throw failure(
      `The owner's key ${path} cannot be replaced: ${wordsOf(error)}. The old key is still valid.`,
      error,
    )
  }
}

function fileIn(home: string): PrivateFile {
  return {
    path: join(home, FILE_NAME),
    what: "The owner's key",
    whereOpen: `, and if others use this machine replace it with \`upshift keys rotate ${OWNER_ID}\``,
    whereUnwritable: ', or give the key itself in UPSHIFT_OWNER_KEY or UPSHIFT_OWNER_KEY_FILE',
  }
}

function secretIn({ path, what }: PrivateFile, text: string): string {
  return checked(text.trim(), `${what} in ${path}`)
}

function prepareHome(home: string): void {
  try {
    fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw failure(
      `The home ${home} cannot be made: ${wordsOf(error)}. Choose another one (UPSHIFT_HOME).`,
      error,
    )
  }
  const { mode } = fs.statSync(home)
  if (process.platform !== 'win32' && (mode & 0o022) !== 0) {
    throw failure(
      `The home ${home} can be changed by others (mode ${octal(mode)}), who could put a key of their own there. ` +
        `Close it with \`chmod 700 '${home}'\`.`,
    )
  }
}

function checked(secret: string, what: string): string {
  if (secret.length >= MIN_SECRET_CHARS && secret.length <= MAX_SECRET_CHARS && SECRET_FORM.test(secret)) {
    return secret
  }
  throw failure(
    `${what} must be ${MIN_SECRET_CHARS} to ${MAX_SECRET_CHARS} visible ASCII characters without spaces, and it ` +
      'is not. Make one with `openssl rand -hex 32`; a file can also be moved aside: the next start writes another.',
  )
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'conflict', message }, cause)
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

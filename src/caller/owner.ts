import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { UpshiftError } from '../contract/problem.ts'
import { syncFolder } from '../lib/sync-folder.ts'
import { newSecret, type RandomBytes } from './secret.ts'

// DESIGN. The owner's key is the one secret kept as text, since the CLI must be able to show it: a file in the
// home that only its owner can read. It is written whole under a name of its own, synced, and then linked to
// `owner.key`: link(2) fails where the name exists, so of two processes that start at once one wins and the
// other reads the winner's key, and a kill at any moment leaves either no file or a whole one. Rotation
// renames over it, which is whole in the same way. In a container the key comes from the configuration
// (environment or mounted file) and nothing is written.

/** The owner's id in logs and records. */
export const OWNER_ID = 'key_owner'

const FILE_NAME = 'owner.key'
const NEW_PREFIX = `${FILE_NAME}.new-`
const MIN_SECRET_CHARS = 32
const MAX_SECRET_CHARS = 256
const MAX_FILE_BYTES = 4_096
/** Turns of create-or-read: a second one is needed only where the file vanished between the two. */
const MAX_TURNS = 8

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
  const path = join(from.home, FILE_NAME)
  prepareHome(from.home)
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const present = readOwnerKey(from.home)
    if (present !== undefined) {
      sweep(from.home)
      return { secret: present, path, created: false }
    }
    const secret = newSecret(from.randomBytes)
    if (create(from.home, path, secret, from.randomBytes(4).toString('hex')))
      return { secret, path, created: true }
  }
  throw failure(`The owner's key ${path} keeps vanishing. Is something deleting files in ${from.home}?`)
}

/** The key in `<home>/owner.key`, for the CLI; undefined where there is none. Throws UpshiftError as `ownerKey`. */
export function readOwnerKey(home: string): string | undefined {
  const path = join(home, FILE_NAME)
  let file: number
  try {
    file = fs.openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw failure(`The owner's key ${path} cannot be read: ${wordsOf(error)}. Check who owns it.`, error)
  }
  try {
    const stats = fs.fstatSync(file)
    if (!stats.isFile()) throw failure(`${path} is not a file. Move it aside and start again.`)
    if (process.getuid !== undefined && stats.uid !== process.getuid()) {
      throw failure(
        `The owner's key ${path} belongs to another user (uid ${stats.uid}), who could be the owner with it. ` +
          `Start Upshift as that user, or give it a home of its own with UPSHIFT_HOME.`,
      )
    }
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) {
      throw failure(
        `The owner's key ${path} can be read by others (mode ${octal(stats.mode)}). Close it with ` +
          `\`chmod 600 '${path}'\`, and if others use this machine replace it with \`upshift keys rotate ${OWNER_ID}\`.`,
      )
    }
    if (stats.size > MAX_FILE_BYTES)
      throw failure(`${path} is too long to be a key. Move it aside and start again.`)
    return checked(fs.readFileSync(file, 'utf8').trim(), `The owner's key in ${path}`)
  } finally {
    fs.closeSync(file)
  }
}

/** Puts a new secret into the file, whole or not at all. Only for a key that came from the file. */
export function replaceOwnerKey(path: string, secret: string): void {
  const fresh = `${path}.rotated`
  try {
    fs.rmSync(fresh, { force: true })
    writeSynced(fresh, secret)
    fs.renameSync(fresh, path)
    syncFolder(dirname(path))
  } catch (error) {
    throw failure(
      `The owner's key ${path} cannot be replaced: ${wordsOf(error)}. The old key is still valid.`,
      error,
    )
  }
}

/** True where this process won; false where another one did, and its file is there to be read. */
function create(home: string, path: string, secret: string, draft: string): boolean {
  const fresh = join(home, `${NEW_PREFIX}${process.pid}-${draft}`)
  try {
    fs.rmSync(fresh, { force: true })
    writeSynced(fresh, secret)
    fs.linkSync(fresh, path)
  } catch (error) {
    // ENOENT: the winner has swept our draft away.
    if (codeOf(error) === 'EEXIST' || codeOf(error) === 'ENOENT') return false
    throw failure(
      `The owner's key ${path} cannot be written: ${wordsOf(error)}. Choose a home on a local disk (UPSHIFT_HOME), ` +
        'or give the key itself in UPSHIFT_OWNER_KEY or UPSHIFT_OWNER_KEY_FILE.',
      error,
    )
  } finally {
    fs.rmSync(fresh, { force: true })
  }
  syncFolder(home)
  sweep(home)
  return true
}

/** Removes drafts that killed processes left. A living process whose draft goes reads the file that is there. */
function sweep(home: string): void {
  for (const name of fs.readdirSync(home)) {
    if (name.startsWith(NEW_PREFIX)) fs.rmSync(join(home, name), { force: true })
  }
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

function writeSynced(path: string, secret: string): void {
  const file = fs.openSync(path, 'wx', 0o600)
  try {
    fs.writeFileSync(file, `${secret}\n`)
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
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

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0')
}

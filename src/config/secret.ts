import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { UpshiftError } from '../contract/problem.ts'
import type { SecretRef } from '../contract/section.ts'

const MAX_SECRET_CHARS = 8_192
const MAX_SECRET_FILE_BYTES = 65_536

export interface SecretFile {
  readonly text: string
  /** The permission bits. */
  readonly mode: number
}

export interface ResolvedSecret {
  readonly secret: string
  /** A line for stderr: the file is open to everybody. */
  readonly warning: string | undefined
}

/**
 * The secret that a reference points to, without the white space around it. Throws UpshiftError, which names
 * the variable or the file and never holds the secret: it is not set or not there, empty, longer than 8,192
 * characters, or more than one line.
 */
export function resolveSecret(
  reference: SecretRef,
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => SecretFile,
): ResolvedSecret {
  if ('env' in reference) {
    const text = env[reference.env]
    if (text === undefined) {
      throw failure(
        `The variable ${reference.env} is not set, and the configuration takes a secret from it. Set it.`,
      )
    }
    return { secret: checked(text, `The variable ${reference.env}`), warning: undefined }
  }
  const { text, mode } = readFile(reference.file)
  return { secret: checked(text, `The file ${reference.file}`), warning: warningOf(reference.file, mode) }
}

/** Reads a secret's file with its mode. Throws UpshiftError where it cannot be read or exceeds 64 KiB. */
export function readSecretFile(path: string): SecretFile {
  let handle: number | undefined
  try {
    handle = openSync(path, 'r')
    const stats = fstatSync(handle)
    if (!stats.isFile()) throw new Error('it is not a file')
    if (stats.size > MAX_SECRET_FILE_BYTES)
      throw new Error(`it is longer than ${MAX_SECRET_FILE_BYTES} bytes`)
    return { text: readFileSync(handle, 'utf8'), mode: stats.mode & 0o777 }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw failure(
      `The configuration takes a secret from the file ${path}, which cannot be read: ${why}.`,
      cause,
    )
  } finally {
    if (handle !== undefined) closeSync(handle)
  }
}

function checked(text: string, what: string): string {
  const secret = text.trim()
  if (secret === '') throw failure(`${what} is empty, and a secret is expected in it.`)
  if (secret.length > MAX_SECRET_CHARS) throw failure(`${what} is too long to be a secret.`)
  if (/[\u0000-\u001f\u007f]/.test(secret))
    throw failure(`${what} must hold one line, the secret, and holds more.`)
  return secret
}

function warningOf(path: string, mode: number): string | undefined {
  if (process.platform === 'win32' || (mode & 0o006) === 0) return undefined
  const octal = mode.toString(8).padStart(4, '0')
  return `The secret file ${path} is open to every user of this machine (mode ${octal}): \`chmod 600 '${path}'\`.`
}

function failure(message: string, cause?: unknown): UpshiftError {
  return new UpshiftError({ code: 'invalid_request', message }, cause)
}

import type { Writable } from 'node:stream'
import { UpshiftError } from '../contract/problem.ts'
import { asStarted, type ExitCode, UsageError } from '../contract/verb.ts'
import { isDiskFull } from '../lib/disk-full.ts'
import { isGone, ServerGone } from './gone.ts'

/** A stream that may be a terminal. */
export type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Why a command ended without its result. */
export interface Fault {
  /** For programs: a problem's code, or `usage`, `interrupted`, `server_gone`, `output`. */
  readonly code: string
  readonly message: string
  readonly exit: ExitCode
  /** Only for a bug. */
  readonly stack?: string
}

/** How far a command came. */
export interface Course {
  /** The verb that was understood, if any. */
  verb: string | undefined
  /** True once the verb talks to a server. */
  opened: boolean
  /** True once the verb has ended by itself: what it had to print is printed. */
  returned: boolean
}

export const INTERRUPTED: Fault = { code: 'interrupted', message: 'interrupted.', exit: 130 }

/** What an error means to whoever started the command. */
export function faultOf(error: unknown, { verb, opened }: Readonly<Course>, version: string): Fault {
  if (error instanceof UsageError) {
    const said = /[.?!]$/.test(error.message) ? error.message : `${error.message}.`
    const hint =
      verb === undefined ? '`upshift help` lists what there is.' : `\`upshift help ${verb}\` shows how.`
    return { code: 'usage', message: `${said} ${hint}`, exit: 2 }
  }
  if (error instanceof UpshiftError) return { code: error.problem.code, message: error.message, exit: 1 }
  if (error instanceof ServerGone) return { code: 'server_gone', message: error.message, exit: 1 }
  if (opened && isGone(error)) return { code: 'server_gone', message: GONE, exit: 1 }
  if (isDenied(error)) {
    const message = `${error.path} cannot be read or written: ${error.message}. Check who owns it and its mode, or start Upshift as that user.`
    return { code: 'conflict', message, exit: 1 }
  }
  if (isDiskFull(error) || isReadOnly(error)) {
    const message = `the disk took no more: ${error.message}. Free some space on it, or choose one that can be written, then try again.`
    return { code: 'disk_full', message, exit: 1 }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const message = `this is a bug in Upshift ${version}. Please report it with the lines above.`
  return { code: 'internal', message, exit: 1, stack }
}

const GONE =
  'the server went away before it had answered. Start it again (`upshift serve`) or look at `upshift doctor`, then try once more.'

/** The system's own no to a file or folder: a matter of its rights, wherever in a command it comes up. */
function isDenied(error: unknown): error is Error & { readonly path: string } {
  if (!(error instanceof Error && 'code' in error && 'path' in error)) return false
  return typeof error.path === 'string' && (error.code === 'EACCES' || error.code === 'EPERM')
}

function isReadOnly(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && error.code === 'EROFS'
}

/** Tells a fault on stderr, and where `json` as one document on stdout too. Resolves to its exit code. */
export function complain(
  to: { readonly stdout: Terminal; readonly stderr: Terminal; readonly program: string },
  fault: Fault,
  json: boolean,
): ExitCode {
  const message = asStarted(fault.message, to.program)
  if (fault.stack !== undefined) to.stderr.write(`${fault.stack}\n`)
  to.stderr.write(`upshift: ${message}\n`)
  if (json) to.stdout.write(`${JSON.stringify({ error: { code: fault.code, message } })}\n`)
  return fault.exit
}

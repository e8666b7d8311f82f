import type { Surroundings } from '../config/surroundings.ts'
import { UpshiftError } from '../contract/problem.ts'
import { isDiskFull } from '../lib/disk-full.ts'

const PORT_MAX = 65_535

/**
 * What the system says of a port or a disk at the start, in words with a next step; everything else as it came.
 * @param program - how the program was started: `npx upshift`
 */
export function explained(error: unknown, around: Surroundings, program: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'EADDRINUSE') {
    const message = `${placeOf(error)} is taken: another program, or another Upshift, listens there. Choose another port, for example ${otherPort(error, around, program)}, or see \`${program} doctor\`.`
    return new UpshiftError({ code: 'conflict', message }, error)
  }
  if (['EACCES', 'EPERM'].includes(String(error.code)) && !isListening(error)) {
    const message = `The home cannot be used: ${error.message}. The user who runs Upshift may not do that: see who owns the file and its mode, or choose another home with UPSHIFT_HOME.`
    return new UpshiftError({ code: 'record_unavailable', message }, error)
  }
  if (['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'].includes(String(error.code))) {
    const message = `The server cannot listen there: ${error.message}. Choose another HOST or PORT.`
    return new UpshiftError({ code: 'conflict', message }, error)
  }
  const unusable = ['EROFS', 'EISDIR', 'ERR_FS_EISDIR', 'ERR_SQLITE_ERROR'].includes(String(error.code))
  if (unusable || isDiskFull(error)) {
    const message = `The home cannot be used: ${error.message}. Check space and rights on its disk, or choose another home with UPSHIFT_HOME.`
    return new UpshiftError({ code: 'record_unavailable', message }, error)
  }
  return error
}

function isListening(error: Error): boolean {
  return 'syscall' in error && error.syscall === 'listen'
}

/** Node names both at a failed `listen`. */
function placeOf(error: Error): string {
  const port = portOf(error)
  const address = 'address' in error && typeof error.address === 'string' ? ` on ${error.address}` : ''
  return port === undefined ? 'The address' : `The port ${port}${address}`
}

function portOf(error: Error): number | undefined {
  return 'port' in error && typeof error.port === 'number' ? error.port : undefined
}

/** The command that was used, with another port. npm names the script that it runs in a variable. */
function otherPort(error: Error, { flags, env }: Surroundings, program: string): string {
  const taken = portOf(error) ?? PORT_MAX
  const port = taken < PORT_MAX ? taken + 1 : taken - 1
  return flags['port'] === undefined && env['npm_lifecycle_event'] === 'start'
    ? `\`PORT=${port} npm start\``
    : `\`${program} serve --port ${port}\``
}

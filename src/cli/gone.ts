/** The server ended, or its connection broke, while a command talked to it. `message` says what that means. */
export class ServerGone extends Error {
  override readonly name = 'ServerGone'
}

/** What Node says where the other end of a connection ends: before, during and after a request. */
const CODES = new Set(['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE'])

/**
 * True for the errors of a connection whose other end is gone: `socket hang up`, `aborted`, a refused
 * connection, a control socket that is no longer there. A command's only connection is the one to its server.
 */
export function isGone(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false
  if (error.code === 'ENOENT') return 'syscall' in error && error.syscall === 'connect'
  return CODES.has(error.code)
}

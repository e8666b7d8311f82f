import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'

/** Where the launcher says at which descriptor it holds the other end of a pipe; bin/pinned.mjs. */
const LAUNCHER_FD = 'UPSHIFT_LAUNCHER_FD'
/** Below it are the standard streams. */
const FD_MIN = 3

/**
 * Calls `gone` once when the launcher that started this process in another Node has died, by whatever signal: the
 * system closes its end of the pipe then. Nothing is sent over it, and neither stdin nor a terminal counts, so that
 * a process in the background goes on. Does nothing where no launcher says so. Takes the word out of `env`, since what
 * this process starts has another parent, and does not keep the process alive.
 */
export function watchLauncher(env: NodeJS.ProcessEnv, gone: () => void): void {
  const said = env[LAUNCHER_FD]
  delete env[LAUNCHER_FD]
  const fd = Number(said)
  if (said === undefined || !Number.isSafeInteger(fd) || fd < FD_MIN || !isSocket(fd)) return
  const line = new Socket({ fd, readable: true, writable: false })
  line.on('error', () => line.destroy()).once('close', gone)
  line.resume().unref()
}

/** False where something between the two has closed it: then nobody can be watched. */
function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBADF') return false
    throw error
  }
}

import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** Where a path leads to once its links are followed; what does not exist yet of it is taken as it stands. */
export function realPathOf(path: string): string {
  const whole = resolve(path)
  if (existsSync(whole)) return realpathSync(whole)
  const parent = dirname(whole)
  return parent === whole ? whole : join(realPathOf(parent), basename(whole))
}

/**
 * Makes a folder and those above it, 0700. Throws as `mkdir`. Not by `recursive`: where a file system takes no new
 * folders and says ENOENT, as below /proc, libuv's loop behind that never ends.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeFolder(parent)
  mkdirSync(path, { mode: 0o700 })
}

import { isAbsolute, join, resolve } from 'node:path'
import { childOf, isMapping, type Shape } from './shape.ts'

/**
 * A copy of `value` in which every leaf that is a path (`meta({ path: true })`, a secret's `file`) is absolute:
 * `~/` is the user's home, and a relative path starts at `folder`. Already absolute paths stay as they are.
 */
export function place(value: unknown, shape: Shape | undefined, folder: string, homedir: string): unknown {
  if (shape === undefined) return value
  if (typeof value === 'string') return shape.path === true ? placed(value, folder, homedir) : value
  if (Array.isArray(value)) return value.map((item, at) => place(item, childOf(shape, at), folder, homedir))
  if (!isMapping(value)) return value
  if (shape.secret === true) {
    return typeof value.file === 'string' ? { ...value, file: placed(value.file, folder, homedir) } : value
  }
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, place(item, childOf(shape, key), folder, homedir)]),
  )
}

function placed(path: string, folder: string, homedir: string): string {
  // Nothing is no path, and not the folder either: validation says so.
  if (path === '') return path
  if (path === '~') return homedir
  if (path.startsWith('~/')) return join(homedir, path.slice(2))
  return isAbsolute(path) ? path : resolve(folder, path)
}

import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { HomeError } from '../contract/problem.ts'

// DESIGN. A home is put together by hand now and then: from a backup, by links to another disk, by a mount that did
// not come. What lies in a place that was meant for something else is told before it is opened, for what opening it
// does tells nobody: a pipe is waited for without end, a folder is read as an error without a path, and a link to a
// disk that is not there looks like a file that is missing, as if it were to be made anew.

/**
 * Throws HomeError that names the path where something lies there that is no file, or a link that leads nowhere. A
 * path where nothing lies is no fault.
 */
export function expectFile(path: string): void {
  expectKind(path, 'file', (stats) => stats.isFile())
}

/** As `expectFile`, for a folder and for those of its entries that `files` matches. */
export function expectFolder(path: string, files?: RegExp): void {
  if (!expectKind(path, 'folder', (stats) => stats.isDirectory()) || files === undefined) return
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (!entry.isFile() && files.test(entry.name)) expectFile(join(path, entry.name))
  }
}

/** False where nothing lies there. */
function expectKind(path: string, kind: 'file' | 'folder', is: (stats: Stats) => boolean): boolean {
  const stats = reached(path)
  if (stats === undefined) {
    // A file that was made just now, by a server that runs, is no link.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return false
    throw wrong(
      path,
      `is a link to what is not there. Is its disk mounted? If not so, put a ${kind} in its place`,
    )
  }
  if (is(stats)) return true
  throw wrong(
    path,
    `is no ${kind}, and Upshift keeps a ${kind} there. Move it aside, and put back what was there`,
  )
}

/** What lies at the end of all links; undefined where nothing does, or they lead round. */
function reached(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ELOOP') return undefined
    throw error
  }
}

function wrong(path: string, how: string): HomeError {
  return new HomeError({ code: 'record_unavailable', message: `${path} ${how} from a backup.` })
}

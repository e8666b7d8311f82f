import { type Dirent, promises as fs } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** A file below the home, or a place that could not be looked into. */
export type Found =
  | { readonly type: 'file'; readonly path: string; readonly name: string }
  | { readonly type: 'unread'; readonly name: string; readonly why: string }

/** Folders below folders; a home of Upshift's has two levels. */
const DEPTH_MAX = 32
const FILES_MAX = 1_000_000
/** Weights of local models come from elsewhere and hold no text of ours; their vocabularies are full of names. */
const WEIGHTS = /\.gguf(?:\.part)?$/

/**
 * Every regular file below `home`, by walking the folders; `name` is relative to it, with `/`. Sockets, pipes and
 * devices hold no bytes and are passed over, and so are the weights of local models; a symbolic link is not followed,
 * since what it leads to is not the home's. A folder that vanishes meanwhile is passed over too; one that cannot be read is told.
 */
export async function* filesBelow(home: string): AsyncGenerator<Found> {
  const waiting: { readonly folder: string; readonly depth: number }[] = [{ folder: home, depth: 0 }]
  let files = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { folder, depth } = next
    const entries = await entriesOf(folder)
    if (typeof entries === 'string') {
      yield { type: 'unread', name: nameOf(home, folder), why: entries }
      continue
    }
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && depth === DEPTH_MAX) {
        const why = `it lies more than ${DEPTH_MAX} folders deep`
        yield { type: 'unread', name: nameOf(home, path), why }
      } else if (entry.isDirectory()) waiting.push({ folder: path, depth: depth + 1 })
      else if (entry.isFile() && !WEIGHTS.test(entry.name)) {
        files += 1
        if (files > FILES_MAX) {
          yield { type: 'unread', name: '.', why: `the home has more than ${FILES_MAX} files` }
          return
        }
        yield { type: 'file', path, name: nameOf(home, path) }
      }
    }
  }
}

/** True where a file or folder was removed between its listing and its opening. */
export function isVanished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What is in a folder; words where it cannot be told. */
async function entriesOf(folder: string): Promise<readonly Dirent[] | string> {
  try {
    return await fs.readdir(folder, { withFileTypes: true })
  } catch (error) {
    return isVanished(error) ? [] : wordsOf(error)
  }
}

function nameOf(home: string, path: string): string {
  return relative(home, path).split(sep).join('/') || '.'
}

import { statSync } from 'node:fs'
import { sep } from 'node:path'
import type { Collections } from '../collection/collections.ts'

/** Taken out in one transaction. */
const BATCH = 500

/** A folder as it was named, and whether anything was found in it. */
interface NamedFolder {
  readonly path: string
  readonly empty: boolean
}

export interface Vanished {
  /** Documents whose files are there no more. */
  readonly gone: readonly string[]
  /** Folders in which nothing was found at all, and how many documents stay for them. */
  readonly emptied: readonly { readonly path: string; readonly documents: number }[]
}

/**
 * Documents of a collection that come from one of these folders and whose files are there no more. A folder that is all
 * empty vouches for nothing: it may be a disk that is not mounted, so its documents are no vanished ones. Throws where
 * the file system cannot say whether a file is there.
 */
export function vanishedFrom(
  collections: Collections,
  collection: string,
  folders: readonly NamedFolder[],
): Vanished {
  if (folders.length === 0 || !collections.list().some(({ name }) => name === collection)) {
    return { gone: [], emptied: [] }
  }
  const sources = collections.documents(collection).map(({ source }) => source)
  const under = (path: string): string[] => {
    const start = path.endsWith(sep) ? path : path + sep
    return sources.filter((source) => source.startsWith(start) && !isThere(source))
  }
  const gone = new Set(folders.filter(({ empty }) => !empty).flatMap(({ path }) => under(path)))
  const emptied = folders
    .filter(({ empty }) => empty)
    .map(({ path }) => ({ path, documents: under(path).filter((source) => !gone.has(source)).length }))
  return { gone: [...gone], emptied: emptied.filter(({ documents }) => documents > 0) }
}

/** Takes them out, some hundred at a time; ends early at an abort. Returns how many there were. */
export function removeAll(
  collections: Collections,
  collection: string,
  sources: readonly string[],
  signal: AbortSignal,
): number {
  let removed = 0
  for (let at = 0; at < sources.length && !signal.aborted; at += BATCH) {
    removed += collections.remove(collection, sources.slice(at, at + BATCH), true)
  }
  return removed
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

import { globSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { mediaTypeOf } from './parse/media.ts'

/** A file to be read. */
export interface SourceFile {
  /** Absolute. */
  readonly path: string
  readonly mediaType: string
  readonly bytes: number
}

export interface Sources {
  readonly files: readonly SourceFile[]
  /** Named by the caller itself, and nothing that can be read. */
  readonly unreadable: readonly { readonly path: string; readonly why: string }[]
  /** Found in folders, and of no kind that is read here. */
  readonly passedOver: number
}

/** Folders that hold no documents, wherever they stand; hidden ones are passed over too. */
const NO_DOCUMENTS = new Set(['node_modules', '__pycache__', 'venv', 'target', 'dist'])
const MAX_FILES = 1_000_000
const PATTERN = /[*?[\]{}]/

/**
 * The files that paths and patterns (`docs/**`, quoted) name, each once, sorted; folders are entered to any depth,
 * links inside them are not followed. Throws UpshiftError for a path that is not there and above MAX_FILES.
 */
export function sourcesOf(paths: readonly string[]): Sources {
  const files = new Map<string, SourceFile>()
  const unreadable: { path: string; why: string }[] = []
  let passedOver = 0
  const add = (path: string, named: boolean, bytes: number): void => {
    const mediaType = mediaTypeOf(path)
    if (mediaType !== undefined) files.set(path, { path, mediaType, bytes })
    else if (named) unreadable.push({ path, why: 'no parser reads files with this ending' })
    else passedOver++
    if (files.size > MAX_FILES) {
      throw new UpshiftError({
        code: 'invalid_request',
        message: `More than ${MAX_FILES} files were found. Name narrower folders.`,
      })
    }
  }
  for (const named of paths.flatMap(expanded)) {
    const path = resolve(named)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) {
      throw new UpshiftError({ code: 'not_found', message: `There is no file or folder ${path}.` })
    }
    if (stat.isFile()) add(path, true, stat.size)
    else if (stat.isDirectory()) for (const file of filesUnder(path)) add(file.path, false, file.bytes)
    else unreadable.push({ path, why: 'it is neither a file nor a folder' })
  }
  return {
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    unreadable,
    passedOver,
  }
}

/** A pattern's matches where there is no file of that very name. */
function expanded(named: string): string[] {
  if (!PATTERN.test(named) || statSync(named, { throwIfNoEntry: false }) !== undefined) return [named]
  const found = globSync(named).filter((path) => lstatSync(path).isFile())
  if (found.length > 0) return found
  throw new UpshiftError({ code: 'not_found', message: `The pattern ${named} matches no file.` })
}

function* filesUnder(folder: string): Generator<{ path: string; bytes: number }> {
  const waiting = [folder]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of readdirSync(next, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const path = join(next, entry.name)
      if (entry.isDirectory() && !NO_DOCUMENTS.has(entry.name)) waiting.push(path)
      else if (entry.isFile()) yield { path, bytes: statSync(path, { throwIfNoEntry: false })?.size ?? 0 }
    }
  }
}

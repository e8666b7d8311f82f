import { type Dirent, globSync, lstatSync, readdirSync, type Stats, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UpshiftError } from '../../contract/problem.ts'
import { isMissing } from '../../lib/missing.ts'
import { mediaTypeOf } from './parse/media.ts'

/** A file to be read. */
export interface SourceFile {
  /** Absolute. */
  readonly path: string
  readonly mediaType: string
  readonly bytes: number
  /** Another one where the file has changed or another file has taken its place, as far as the file system tells. */
  readonly stamp: string
}

export interface Sources {
  readonly files: readonly SourceFile[]
  /** Named by the caller itself, and nothing that can be read. */
  readonly unreadable: readonly { readonly path: string; readonly why: string }[]
  /** Found in folders, and of no kind that is read here. */
  readonly passedOver: number
  /** Folders that the caller named, absolute, and whether anything was found in them. */
  readonly named: readonly { readonly path: string; readonly empty: boolean }[]
  /** All folders that were entered, the named ones too. */
  readonly folders: readonly string[]
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
  const named: { path: string; empty: boolean }[] = []
  const folders: string[] = []
  const add = (path: string, byName: boolean, stat: Stats): void => {
    const mediaType = mediaTypeOf(path)
    const stamp = `${stat.size} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.ino}`
    if (mediaType !== undefined) files.set(path, { path, mediaType, bytes: stat.size, stamp })
    else if (byName) unreadable.push({ path, why: 'no parser reads files with this ending' })
    else passedOver++
    if (files.size > MAX_FILES) {
      throw new UpshiftError({
        code: 'invalid_request',
        message: `More than ${MAX_FILES} files were found. Name narrower folders.`,
      })
    }
  }
  for (const one of paths.flatMap(expanded)) {
    const path = resolve(one)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) {
      throw new UpshiftError({ code: 'not_found', message: `There is no file or folder ${path}.` })
    }
    if (stat.isFile()) add(path, true, stat)
    else if (stat.isDirectory()) {
      let empty = true
      for (const file of filesUnder(path, folders)) {
        empty = false
        add(file.path, false, file.stat)
      }
      named.push({ path, empty })
    } else unreadable.push({ path, why: 'it is neither a file nor a folder' })
  }
  return {
    files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    unreadable,
    passedOver,
    named,
    folders,
  }
}

/** A pattern's matches where there is no file of that very name. */
function expanded(named: string): string[] {
  if (!PATTERN.test(named) || statSync(named, { throwIfNoEntry: false }) !== undefined) return [named]
  const found = globSync(named).filter((path) => lstatSync(path).isFile())
  if (found.length > 0) return found
  throw new UpshiftError({ code: 'not_found', message: `The pattern ${named} matches no file.` })
}

function* filesUnder(folder: string, entered: string[]): Generator<{ path: string; stat: Stats }> {
  const waiting = [folder]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    entered.push(next)
    for (const entry of entriesOf(next, next === folder)) {
      if (entry.name.startsWith('.')) continue
      const path = join(next, entry.name)
      if (entry.isDirectory() && !NO_DOCUMENTS.has(entry.name)) waiting.push(path)
      const stat = entry.isFile() ? statSync(path, { throwIfNoEntry: false }) : undefined
      if (stat !== undefined) yield { path, stat }
    }
  }
}

/** A folder that went while its parent was read holds nothing. */
function entriesOf(folder: string, named: boolean): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (!named && isMissing(error)) return []
    throw error
  }
}

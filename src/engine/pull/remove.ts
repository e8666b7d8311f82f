import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from '../../lib/missing.ts'
import { syncFolder } from '../../lib/sync-folder.ts'
import { lockModel } from './folder.ts'
import { manifestPath } from './manifest.ts'
import { modelOf } from './source.ts'

/** The files of a model's name in the folder: whole ones, parts and their notes. */
export interface Found {
  readonly files: readonly string[]
  readonly bytes: number
}

export interface Removed {
  readonly files: number
  /** Room that the disk has now, or has once `usedBy` have let the model go. */
  readonly freedBytes: number
  /** Bytes that have another name elsewhere and stay. */
  readonly linkedBytes: number
  /** Processes that have a file of it mapped or open, as far as the system tells. */
  readonly usedBy: readonly number[]
}

const PART_ENDINGS = ['', '.part', '.part.json', '.part.json.fresh']

export async function whatIsThere(folder: string, name: string): Promise<Found> {
  let names: string[]
  try {
    names = await fs.readdir(folder)
  } catch (error) {
    if (isMissing(error)) return { files: [], bytes: 0 }
    throw error
  }
  const files = names
    .filter((file) => PART_ENDINGS.some((ending) => modelOf(without(file, ending)) === name))
    .map((file) => join(folder, file))
  const sizes = await Promise.all(files.map(async (file) => (await fs.stat(file)).size))
  return { files, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function without(file: string, ending: string): string {
  return file.endsWith(ending) ? file.slice(0, file.length - ending.length) : ''
}

/**
 * Removes a model, its manifest and what an unfinished download has left. That a server uses it is no obstacle: on
 * Linux and macOS a file that is open stays until it is closed, and Windows refuses by itself. Throws UpshiftError
 * `conflict` while it is being pulled.
 */
export async function removeModel(folder: string, name: string): Promise<Removed> {
  using _lock = lockModel(folder, name)
  const { files } = await whatIsThere(folder, name)
  const usedBy = await usersOf(files)
  let freedBytes = 0
  let linkedBytes = 0
  for (const file of files) {
    const { size, nlink } = await fs.stat(file)
    if (nlink > 1) linkedBytes += size
    else freedBytes += size
    await fs.rm(file)
  }
  await fs.rm(manifestPath(folder, name), { force: true })
  syncFolder(folder)
  return { files: files.length, freedBytes, linkedBytes, usedBy }
}

const MAPS_BYTES_MAX = 16_777_216

/** Processes of this user that have one of the files mapped or open. Linux tells; elsewhere nobody is known. */
async function usersOf(files: readonly string[]): Promise<number[]> {
  if (process.platform !== 'linux') return []
  const real = new Set(await Promise.all(files.map((file) => fs.realpath(file))))
  const ids = (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const users: number[] = []
  for (const id of ids) if (id !== process.pid && (await uses(id, real))) users.push(id)
  return users
}

async function uses(id: number, files: ReadonlySet<string>): Promise<boolean> {
  try {
    const maps = await fs.readFile(`/proc/${id}/maps`, { encoding: 'utf8' })
    if (
      maps
        .slice(0, MAPS_BYTES_MAX)
        .split('\n')
        .some((line) => files.has(line.slice(line.indexOf('/'))))
    )
      return true
    for (const handle of await fs.readdir(`/proc/${id}/fd`)) {
      if (files.has(await fs.readlink(`/proc/${id}/fd/${handle}`))) return true
    }
    return false
  } catch {
    // Another user's process, or one that has just ended: neither tells what it has open.
    return false
  }
}

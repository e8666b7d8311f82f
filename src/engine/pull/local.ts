import { constants } from 'node:fs'
import { copyFile, link, open, realpath, rm, stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { UpshiftError } from '../../contract/problem.ts'
import { type Expected, localSidecar, sha256OfFile } from './checksum.ts'
import { expectRoom, explainedWrite } from './disk.ts'
import type { Fetched } from './fetch.ts'
import { Part, partPath, removePart } from './part.ts'
import { expectSame, placeOf, type WholeFile } from './place.ts'
import type { PullEvent } from './pull.ts'

/**
 * DESIGN. A model that lies on this machine already is given a second name in the folder (a hard link) where both are
 * on one file system: it takes no room, and it stays when the first name goes, which a note of the path would not.
 * Where that cannot be it is copied. A file that is in the folder under its final name is only taken note of.
 */
export interface LocalOptions {
  readonly folder: string
  readonly files: readonly { readonly path: string; readonly fileName: string }[]
  readonly sha256: readonly string[]
  readonly signal: AbortSignal
  readonly told: (event: PullEvent) => void
}

const CHUNK_BYTES = 4_194_304

/** As `fetchFiles`, for files of this machine. Throws UpshiftError `not_found` where one is not there. */
export async function takeFiles(options: LocalOptions): Promise<Fetched> {
  const { folder, told, signal } = options
  const sources: { real: string; path: string; place: string; fileName: string; bytes: number }[] = []
  for (const { path, fileName } of options.files) {
    const { real, bytes } = await existing(path)
    sources.push({ real, path, place: placeOf(folder, fileName), fileName, bytes })
  }
  const bytes = sources.reduce((sum, one) => sum + one.bytes, 0)
  told({ type: 'begin', bytes, here: 0, files: sources.length })
  const files: WholeFile[] = []
  const from: string[] = []
  let before = 0
  for (const [index, { real, path, place, fileName, bytes: length }] of sources.entries()) {
    const done = before
    const placed = await isSamePlace(real, place)
    if (!placed) await linkOrCopy(real, place, length, options)
    const progress = (here: number): void => told({ type: 'reading', done: done + here, of: bytes })
    const sha256 = await sha256OfFile(placed ? place : partPath(place), signal, progress)
    const expected = expectedOf(options.sha256[index]) ?? (await localSidecar(path, basenameOf(path)))
    const whole = { path: place, placed, sha256 }
    await expectSame(whole, expected)
    if (expected !== undefined) from.push(expected.from)
    else told({ type: 'unverified', file: fileName })
    files.push(whole)
    before += length
  }
  const verified = from.length === files.length ? `SHA-256 of ${[...new Set(from)].join(', ')}` : null
  return { files, verified, revision: undefined }
}

function expectedOf(sha256: string | undefined): Expected | undefined {
  return sha256 === undefined ? undefined : { sha256, from: '--sha256' }
}

function basenameOf(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? ''
}

async function existing(path: string): Promise<{ real: string; bytes: number }> {
  try {
    const real = await realpath(path)
    const stats = await stat(real)
    if (!stats.isFile()) throw new Error('it is not a file')
    return { real, bytes: stats.size }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `${path} cannot be taken as a model: ${why}. Name a .gguf file, or hf:OWNER/REPO:FILE.`
    throw new UpshiftError({ code: 'not_found', message }, cause)
  }
}

async function isSamePlace(real: string, place: string): Promise<boolean> {
  try {
    return (await realpath(place)) === real
  } catch {
    // Nothing is there yet.
    return false
  }
}

async function linkOrCopy(real: string, place: string, bytes: number, options: LocalOptions): Promise<void> {
  const part = partPath(place)
  await removePart(place)
  try {
    await link(real, part)
    return
  } catch (error) {
    // Another file system, one without links, or a file of another user: these are copied.
    if (!isUnlinkable(error)) throw error
  }
  await expectRoom(options.folder, bytes)
  try {
    await copyFile(real, part, constants.COPYFILE_FICLONE_FORCE)
    return
  } catch {
    // Few file systems share blocks between files; the others want the bytes.
    await rm(part, { force: true })
  }
  await copyBytes(real, place, options)
}

function isUnlinkable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return ['EXDEV', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)
}

async function copyBytes(real: string, place: string, { folder, signal }: LocalOptions): Promise<void> {
  const identity = { bytes: undefined, etag: undefined, sha256: undefined, revision: undefined }
  try {
    await using source = await open(real, 'r')
    await using part = await Part.open({ path: place, url: pathToFileURL(real), signal }, identity)
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await source.read(chunk, 0, chunk.length, part.bytes)
      if (bytesRead === 0) break
      await part.write(chunk.subarray(0, bytesRead))
    }
    await part.sync()
  } catch (error) {
    await removePart(place)
    throw explainedWrite(error, folder)
  }
}

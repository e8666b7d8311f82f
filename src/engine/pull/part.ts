import { createHash, type Hash, hash } from 'node:crypto'
import { type FileHandle, lstat, open, rm } from 'node:fs/promises'
import * as z from 'zod'
import { isMissing } from '../../lib/missing.ts'
import { replaceWhole } from '../../store/private-file.ts'
import type { Identity } from './web.ts'

/**
 * DESIGN. A file under way lies beside its place as `NAME.gguf.part`, with `NAME.gguf.part.json` saying what its bytes
 * are of. Of a part only what has been synced counts: the note is written after the bytes are on the disk, so that
 * neither a kill nor a loss of power can make a resumed download build on bytes that were never written. The digest
 * is computed as bytes are written, and once over what is there when a download is resumed.
 */

const CHUNK_BYTES = 1_048_576
const NOTE_BYTES_MAX = 16_384
/** Bytes after which the disk is waited for: what a kill can cost. */
const SYNC_EVERY_BYTES = 33_554_432

const noteSchema = z.strictObject({
  format: z.literal('upshift-part 1'),
  /** SHA-256 of the whole address, which may hold a signature. */
  address: z.string(),
  etag: z.string().nullable(),
  sha256: z.string().nullable(),
  /** Of the whole file. */
  bytes: z.number().int().min(0).nullable(),
  syncedBytes: z.number().int().min(0),
})

export interface PartOptions {
  /** The file's place, to which `.part` is added. */
  readonly path: string
  readonly url: URL
  readonly signal: AbortSignal
  readonly syncEveryBytes?: number | undefined
  /** Hears of bytes that are read again before a download is resumed. */
  readonly rereading?: (bytes: number, of: number) => void
}

export class Part implements AsyncDisposable {
  readonly path: string
  readonly #options: PartOptions
  readonly #file: FileHandle
  #identity: Identity
  #digest: Hash = createHash('sha256')
  #bytes = 0
  #synced = 0

  private constructor(options: PartOptions, file: FileHandle, identity: Identity) {
    this.#options = options
    this.path = partPath(options.path)
    this.#file = file
    this.#identity = identity
  }

  /** Goes on with what is there where it is certainly of the same file; begins anew elsewhere. Throws as files do. */
  static async open(options: PartOptions, identity: Identity): Promise<Part> {
    const file = await openOrMake(partPath(options.path))
    const part = new Part(options, file, identity)
    try {
      const { size } = await file.stat()
      const kept = keptBytes(await readNote(options.path), options.url, identity, size)
      if (kept === 0) await part.restart(identity)
      else await part.#resume(kept)
      return part
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** What is here. */
  get bytes(): number {
    return this.#bytes
  }

  /** What the bytes are of. */
  get identity(): Identity {
    return this.#identity
  }

  /** Begins anew, as another file perhaps. */
  async restart(identity: Identity): Promise<void> {
    this.#identity = identity
    this.#digest = createHash('sha256')
    this.#bytes = 0
    this.#synced = 0
    await this.#file.truncate(0)
    this.#note()
  }

  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#bytes + at)
      at += bytesWritten
    }
    this.#digest.update(bytes)
    this.#bytes += bytes.length
    if (this.#bytes - this.#synced >= (this.#options.syncEveryBytes ?? SYNC_EVERY_BYTES)) await this.sync()
  }

  /** Waits until what is here is on the disk, and notes it. */
  async sync(): Promise<void> {
    await this.#file.sync()
    this.#synced = this.#bytes
    this.#note()
  }

  /** Hex, of what is here. */
  sha256(): string {
    return this.#digest.copy().digest('hex')
  }

  /** Takes everything away. */
  async remove(): Promise<void> {
    await removePart(this.#options.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
  }

  async #resume(kept: number): Promise<void> {
    await this.#file.truncate(kept)
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, kept))
    while (this.#bytes < kept) {
      this.#options.signal.throwIfAborted()
      const length = Math.min(chunk.length, kept - this.#bytes)
      const { bytesRead } = await this.#file.read(chunk, 0, length, this.#bytes)
      if (bytesRead === 0) throw new Error(`${this.path} became shorter while it was read`)
      this.#digest.update(chunk.subarray(0, bytesRead))
      this.#bytes += bytesRead
      this.#options.rereading?.(this.#bytes, kept)
    }
    this.#synced = kept
  }

  #note(): void {
    const { etag, sha256, bytes } = this.#identity
    const note: z.infer<typeof noteSchema> = {
      format: 'upshift-part 1',
      address: addressHash(this.#options.url),
      etag: etag ?? null,
      sha256: sha256 ?? null,
      bytes: bytes ?? null,
      syncedBytes: this.#synced,
    }
    replaceWhole(notePath(this.#options.path), `${JSON.stringify(note)}\n`, 0o600)
  }
}

export function partPath(path: string): string {
  return `${path}.part`
}

/** Removes a file's part and its note. */
export async function removePart(path: string): Promise<void> {
  await rm(notePath(path), { force: true })
  await rm(partPath(path), { force: true })
}

/** Of a file under way: how many bytes are here and how many there will be; undefined where nothing tells. */
export async function partProgress(
  path: string,
): Promise<{ readonly bytes: number; readonly of: number | null } | undefined> {
  const note = await readNote(path)
  return note && { bytes: note.syncedBytes, of: note.bytes }
}

function notePath(path: string): string {
  return `${partPath(path)}.json`
}

/**
 * What has another name is somebody else's file: a kill between linking a model of this machine and placing it leaves
 * such a part. Writing into it would write into theirs.
 */
async function openOrMake(path: string): Promise<FileHandle> {
  const there = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (there?.isFile() && there.nlink === 1) return await open(path, 'r+')
  await rm(path, { force: true })
  return await open(path, 'wx+', 0o644)
}

type Note = z.infer<typeof noteSchema>

/** A note that is not there, or not one of ours, says nothing: the download begins anew. */
async function readNote(path: string): Promise<Note | undefined> {
  try {
    await using file = await open(notePath(path), 'r')
    const { size } = await file.stat()
    if (size > NOTE_BYTES_MAX) return undefined
    return noteSchema.safeParse(JSON.parse(await file.readFile('utf8'))).data
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined
    throw error
  }
}

/**
 * Bytes that may be kept: of the same address, and the same bytes by their checksum or else by a strong tag and the
 * length. Without either nobody could tell whether the file has changed meanwhile.
 */
function keptBytes(note: Note | undefined, url: URL, identity: Identity, size: number): number {
  if (note === undefined || note.address !== addressHash(url)) return 0
  const sameHash = note.sha256 !== null && note.sha256 === identity.sha256
  const sameTag = note.etag !== null && note.etag === identity.etag && note.bytes === (identity.bytes ?? null)
  const differs = note.sha256 !== null && identity.sha256 !== undefined && !sameHash
  if (differs || !(sameHash || sameTag)) return 0
  const kept = Math.min(note.syncedBytes, size)
  return identity.bytes !== undefined && kept > identity.bytes ? 0 : kept
}

function addressHash(url: URL): string {
  return hash('sha256', url.href)
}

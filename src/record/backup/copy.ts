import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { dirname } from 'node:path'

const CHUNK_BYTES = 262_144
/** Bytes after which the caller hears of it. */
const TOLD_EVERY_BYTES = 8 * 1_048_576

export interface Copied {
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

/**
 * The first `bytes` bytes of a file into a new one of mode 0600, on the disk when it ends; yields what `tell` makes
 * of the bytes copied since the last time. To be delegated to (`yield*`) or run to its end, so that its files are
 * closed. Throws where the file is shorter: what the copy is for would not be in it.
 */
export async function* copyFile<Told>(
  from: string,
  to: string,
  bytes: number,
  tell: (copiedBytes: number) => Told,
): AsyncGenerator<Told, Copied> {
  await fs.mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await using source = await fs.open(from, 'r')
  await using target = await fs.open(to, 'wx', 0o600)
  const digest = createHash('sha256')
  const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(1, bytes)))
  let untold = 0
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await source.read(chunk, 0, Math.min(chunk.length, bytes - at), at)
    if (bytesRead === 0) throw new Error(`${from} has ${at} bytes, and ${bytes} were expected`)
    const piece = chunk.subarray(0, bytesRead)
    digest.update(piece)
    await target.writeFile(piece)
    at += bytesRead
    untold += bytesRead
    if (untold < TOLD_EVERY_BYTES) continue
    yield tell(untold)
    untold = 0
  }
  await target.sync()
  yield tell(untold)
  return { bytes, sha256: digest.digest('hex') }
}

/** A new file of mode 0600 with this text, on the disk when it resolves. */
export async function writeSynced(path: string, text: string): Promise<void> {
  await using file = await fs.open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}

/** Of a whole file that nobody writes to. */
export async function sha256Of(path: string): Promise<Copied> {
  await using file = await fs.open(path, 'r')
  const digest = createHash('sha256')
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, bytes)
    if (bytesRead === 0) return { bytes, sha256: digest.digest('hex') }
    digest.update(chunk.subarray(0, bytesRead))
    bytes += bytesRead
  }
}

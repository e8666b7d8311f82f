import { statfs } from 'node:fs/promises'
import { UpshiftError } from '../../contract/problem.ts'
import { isDiskFull } from '../../lib/disk-full.ts'
import { shownBytes } from './figures.ts'

/** Kept free beside a model: the record of requests, which may lie on the same disk, needs room to write. */
export const DISK_RESERVE_BYTES = 268_435_456

/** Bytes that the disk under a folder has free for this user. The folder must be there. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Throws UpshiftError `disk_full` with the figures where a folder has no room for `bytes` more. */
export async function expectRoom(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder)
  if (bytes === 0 || free >= bytes + DISK_RESERVE_BYTES) return
  const message =
    `This needs ${shownBytes(bytes)} in ${folder}, and ${shownBytes(DISK_RESERVE_BYTES)} stay free beside it; the disk has ` +
    `${shownBytes(free)} left. Free some space, take a smaller model, or choose another folder with models.dir. Nothing was fetched.`
  throw new UpshiftError({ code: 'disk_full', message })
}

/** A failed write as what it means; any other error as it is. */
export function explainedWrite(error: unknown, folder: string): unknown {
  if (!isDiskFull(error)) return error
  const message = `The disk under ${folder} became full (${error.code}) while the model was written. Free some space; the same command then goes on from what is here.`
  return new UpshiftError({ code: 'disk_full', message }, error)
}

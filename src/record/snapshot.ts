import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import * as z from 'zod'
import { isMissing } from '../lib/missing.ts'
import { syncFolder } from '../lib/sync-folder.ts'
import { replaceWhole } from '../store/private-file.ts'

/**
 * What the entries before a position add up to, so that a start reads only those after it. It is made from
 * the log alone and may be deleted: then the start reads more.
 */
const snapshotSchema = z.object({
  version: z.literal(1),
  position: z.object({ seq: z.number().int(), segment: z.string(), offset: z.number().int() }),
  newestAt: z.number(),
  folds: z.record(z.string(), z.unknown()),
})

export type Snapshot = z.infer<typeof snapshotSchema>

/** Writes it whole under another name, to the disk, and then in place: a crash leaves the old one or the new. */
export function saveSnapshot(path: string, snapshot: Snapshot): void {
  const json = JSON.stringify(snapshot)
  replaceWhole(path, `${checksum(json)} ${json}\n`, 0o600)
  syncFolder(dirname(path))
}

/** The snapshot, or the reason why there is none to use: missing, torn, or of another version. */
export function loadSnapshot(path: string): Snapshot | { readonly unusable: string } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return { unusable: 'missing' }
    throw error
  }
  const json = text.slice(9).trimEnd()
  if (text.slice(0, 8) !== checksum(json)) return { unusable: 'damaged' }
  const parsed = snapshotSchema.safeParse(JSON.parse(json))
  return parsed.success ? parsed.data : { unusable: 'of another version' }
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0')
}

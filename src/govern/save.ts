import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { UpshiftError } from '../contract/problem.ts'
import { expectJson } from '../contract/reply.ts'
import type { ServerReply, VerbContext } from '../contract/verb.ts'
import { syncFolder } from '../lib/sync-folder.ts'

/** A file that is being written, readable by its owner alone. Closing it without `keep` removes it again. */
export interface NewFile {
  write(bytes: Uint8Array | string): Promise<void>
  /** It is whole and on the disk: it stays. */
  keep(): Promise<void>
  close(): Promise<void>
}

/** Throws UpshiftError where the file exists or cannot be made: nothing is ever written over. */
export async function openNewFile(path: string): Promise<NewFile> {
  const file = await fs.open(path, 'wx', 0o600).catch((cause: unknown) => {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = exists
      ? `${path} exists already and is not written over. Name another file.`
      : `${path} cannot be written: ${why}. Name another file.`
    throw new UpshiftError({ code: exists ? 'conflict' : 'invalid_request', message }, cause)
  })
  let kept = false
  return {
    async write(bytes) {
      await file.writeFile(bytes)
    },
    async keep() {
      await file.sync()
      syncFolder(dirname(resolve(path)))
      kept = true
    },
    async close() {
      await file.close()
      if (!kept) await fs.rm(path, { force: true })
    },
  }
}

/**
 * A streamed reply to stdout, or to a new file; returns its bytes. Throws UpshiftError with the server's words
 * where it refused. Where the stream breaks off, a file is removed and the error goes on.
 */
export async function saveReply(
  reply: ServerReply,
  path: string | undefined,
  { out }: Pick<VerbContext, 'out'>,
): Promise<number> {
  if (reply.status < 200 || reply.status > 299) await expectJson(reply, z.never())
  const file = path === undefined ? undefined : await openNewFile(path)
  let bytes = 0
  try {
    for await (const piece of reply.body) {
      const buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece))
      bytes += buffer.length
      if (file !== undefined) await file.write(buffer)
      else if (!out.write(buffer)) await once(out, 'drain')
    }
    await file?.keep()
    return bytes
  } finally {
    await file?.close()
    reply.body.destroy()
  }
}

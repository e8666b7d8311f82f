import * as z from 'zod'

export const backupBody = z.strictObject({
  folder: z.string().min(1).max(4096).meta({
    description: 'Absolute path on the server’s machine; must not exist, or be empty.',
  }),
  keys: z.boolean().default(true).meta({
    description:
      'Whether the secret keys are copied too. Without them nobody can read the texts of the copy.',
  }),
})

/** One line of the reply: what has been copied, and at last how it ended. */
export const backupEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number(), file: z.string() }),
  z.object({
    type: z.literal('done'),
    folder: z.string(),
    files: z.number(),
    bytes: z.number(),
    /** Entries that the copy's checkpoint covers. */
    entries: z.number(),
    /** Of the manifest, hex: whoever keeps it elsewhere can tell a changed backup. */
    sha256: z.string(),
  }),
  z.object({ type: z.literal('failed'), code: z.string(), message: z.string() }),
])

export type BackupEvent = z.infer<typeof backupEvent>

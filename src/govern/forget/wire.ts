import * as z from 'zod'
import { receiptSchema } from '../wire.ts'

/** The wire shapes of the route that forgets, for the server that answers and the verb that asks. */

export const forgetBody = z.strictObject({
  collection: z.string().min(1).max(64),
  source: z.string().min(1).max(4_096).meta({
    description: 'What the document is called in its collection: a path, an address, `stdin:NAME`.',
  }),
})

const time = z.string().meta({ description: 'ISO 8601, UTC.' })
const count = z.number().int().min(0)

export const forgetReceiptSchema = z
  .object({
    format: z.literal('upshift-forget-receipt 1'),
    id: z.string().meta({ description: 'Id of the forgetting in the log, `fgt_…`.' }),
    collection: z.string(),
    origin: count.meta({ description: 'The number of the source; its name is not written down.' }),
    by: z.string(),
    begunAt: time,
    doneAt: time,
    result: z.enum(['forgotten', 'incomplete']).meta({
      description: '`incomplete`: a search or the scan still found something, or a file could not be read.',
    }),
    removed: z.object({
      passages: count,
      answers: count.meta({ description: 'Kept answers that quoted it, overwritten.' }),
    }),
    retrieval: z
      .object({ questions: count, found: count })
      .meta({ description: 'Searches for its own words afterwards, and how many found it.' }),
    scan: receiptSchema.shape.scan,
    alsoElsewhere: count.meta({
      description:
        'Byte strings of it that were found and do not count, because other documents hold the same words.',
    }),
    alsoIn: z.array(z.string()).meta({
      description: 'Collections that still hold a document of the same source: forget it there too.',
    }),
    notCovered: z.array(z.string()),
    verifierKey: z.string(),
    proof: receiptSchema.shape.proof,
  })
  .meta({ description: 'What a forgetting did. It holds no text and no name.' })

export type ForgetReceipt = z.infer<typeof forgetReceiptSchema>

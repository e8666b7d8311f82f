import { Readable } from 'node:stream'
import * as z from 'zod'

/** The wire shapes of the routes over subjects, for the server that answers and the verbs that ask. */

/** As long as a chat request's `user` may be. */
const ID_CHARS_MAX = 512

export const subjectBody = z.strictObject({
  id: z.string().min(1).max(ID_CHARS_MAX).meta({
    description:
      'Whom it is about: the `user` of the requests, or the id of an API key for its requests without one. A pseudonym `sub_…` from the log is accepted too.',
  }),
})

const time = z.string().meta({ description: 'ISO 8601, UTC.' })
const count = z.number().int().min(0)

export const receiptSchema = z
  .object({
    format: z.literal('upshift-erasure-receipt 1'),
    id: z.string().meta({ description: 'Id of the erasure in the log, `era_…`.' }),
    subject: z.string().meta({ description: 'The pseudonym; the name is never written down.' }),
    by: z.string(),
    begunAt: time,
    doneAt: time,
    result: z.enum(['erased', 'incomplete']).meta({
      description:
        '`incomplete`: the keys are destroyed, but the scan found bytes of the subject, or could not read every file.',
    }),
    destroyed: z.object({
      key: z.literal(true).meta({ description: 'What is encrypted with it can be read by nobody any more.' }),
      projections: z.literal(true),
      texts: z
        .object({ prompts: count, answers: count, corrections: count, damaged: count })
        .nullable()
        .meta({
          description: 'How many could be read before; null where a crash came after the key had gone.',
        }),
    }),
    scan: z
      .object({
        files: count,
        bytes: count,
        probes: count.meta({ description: 'Byte strings that were looked for.' }),
        textsProbed: count.meta({ description: 'Texts of which pieces were looked for.' }),
        name: z.enum(['whole', 'quoted', 'none']).meta({
          description: 'How the name was looked for; `quoted` or `none` where it is too short or too common.',
        }),
        found: count,
        findings: z.array(z.object({ file: z.string(), offset: count })),
        inDocuments: count.meta({
          description:
            'Byte strings that do not count, because they were found where documents of collections stand and are words of one.',
        }),
        unread: z.array(z.object({ file: z.string(), why: z.string() })),
      })
      .nullable()
      .meta({
        description:
          'Null where a crash came after the key had gone: nobody knows any more what to look for.',
      }),
    notCovered: z.array(z.string()),
    verifierKey: z.string(),
    proof: z.record(z.string(), z.unknown()).meta({
      description: 'Inclusion proof of the erasure’s entries; `upshift audit check` verifies it.',
    }),
  })
  .meta({ description: 'What an erasure did. It holds no text and no name.' })

export type Receipt = z.infer<typeof receiptSchema>

/** A document that is sent as it is made. */
export const streamed = z.instanceof(Readable)

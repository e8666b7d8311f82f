import * as z from 'zod'
import { LABEL } from './caller.ts'

const MAX_PATTERN = 256
const day = z.union([z.iso.date(), z.iso.datetime({ offset: true })])

/** Which documents of a collection are looked at, of those that the caller may read. All that is named must hold. */
export const documentFilterSchema = z
  .strictObject({
    source: z.string().min(1).max(MAX_PATTERN).optional().meta({
      description:
        'What the document is called: a pattern in which `*` stands for any characters and `?` for one; without these, how its name begins.',
    }),
    mediaType: z.string().min(1).max(MAX_PATTERN).optional().meta({
      description: 'As `application/pdf`, or a pattern such as `text/*`.',
    }),
    label: z.string().regex(LABEL).optional().meta({ description: 'A label that the document has.' }),
    addedAfter: day.optional().meta({
      description:
        'Read then or later: a day (from its midnight, UTC) or a time, ISO 8601. It is the version that stands now that counts.',
    }),
    addedBefore: day.optional().meta({ description: 'Read before that.' }),
  })
  .meta({ description: 'Only documents that all of this holds for are looked at.' })

export type DocumentFilter = z.infer<typeof documentFilterSchema>

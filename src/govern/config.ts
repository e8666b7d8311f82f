import * as z from 'zod'
import type { Section } from '../contract/section.ts'

const DAYS_MAX = 36_500

const days = z.union([z.number().int().min(1).max(DAYS_MAX), z.literal('never')])

const schema = z.strictObject({
  retention: z
    .strictObject({
      textDays: days.default(30).meta({
        description:
          'Days for which prompts and answers are kept, whole UTC days; `never`: they do not expire by themselves. They never outlive their entries.',
        env: 'UPSHIFT_TEXT_DAYS',
      }),
      entryDays: days.default(400).meta({
        description:
          'Days for which the entries of the log are kept, whole UTC days; `never`: they do not expire. Their hashes stay, so that the rest can still be proven.',
        env: 'UPSHIFT_ENTRY_DAYS',
      }),
    })
    .prefault({}),
})

export const section = {
  name: 'govern',
  summary: 'How long texts and entries are kept.',
  schema,
} satisfies Section<typeof schema>

export type GovernConfig = z.infer<typeof schema>

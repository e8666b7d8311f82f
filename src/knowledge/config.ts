import * as z from 'zod'
import type { Section } from '../contract/section.ts'

const schema = z
  .strictObject({
    docs: z.string().min(1).max(4_096).optional().meta({
      description:
        'Folder of Markdown pages that the embedded default answers from. Default: the handbook that comes with Upshift.',
      env: 'UPSHIFT_HANDBOOK',
      path: true,
    }),
    passages: z.number().int().min(1).max(32).default(6).meta({
      description: 'Passages that a retrieval hands to the engine.',
    }),
  })
  .prefault({})

export const section = {
  name: 'knowledge',
  summary: 'What retrieval finds passages in.',
  schema,
} satisfies Section<typeof schema>

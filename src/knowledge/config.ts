import * as z from 'zod'
import type { Section } from '../contract/section.ts'

const beginnings = z
  .array(z.url({ protocol: /^https?$/, error: 'is an http or https address' }).max(2_048))
  .max(1_000)

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
    urls: beginnings.default([]).meta({
      description:
        'Public web addresses that `knowledge add` may fetch: each covers itself and what lies below its path. A redirect must be covered too.',
      env: 'UPSHIFT_KNOWLEDGE_URLS',
    }),
    privateUrls: beginnings.default([]).meta({
      description: 'As `urls`, for addresses in private networks and on this machine.',
      env: 'UPSHIFT_KNOWLEDGE_PRIVATE_URLS',
    }),
  })
  .prefault({})

export const section = {
  name: 'knowledge',
  summary: 'What retrieval finds passages in.',
  schema,
} satisfies Section<typeof schema>

import * as z from 'zod'
import { type Section, secretSchema } from '../contract/section.ts'
import { isLoopback } from '../lib/loopback.ts'

const beginnings = z
  .array(z.url({ protocol: /^https?$/, error: 'is an http or https address' }).max(2_048))
  .max(1_000)

const timeoutMs = z.number().int().min(1).max(60_000)

const rerankSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'is an http or https address' })
      .max(2_048)
      .refine(holdsNoKey, { error: 'a key does not belong in an address: use `key: { env: NAME }`' })
      .meta({ description: 'What `/rerank` follows, such as `http://127.0.0.1:8012/v1`.' }),
    model: z.string().min(1).max(200).meta({ description: 'What its server calls the model.' }),
    key: secretSchema.optional().meta({ description: 'Its API key, by reference.' }),
    trusted: z.boolean().default(false).meta({
      description:
        'Needed for an address off this machine: questions and passages go there, without an allowance and without a cap.',
    }),
    depth: z.number().int().min(2).max(100).default(30).meta({
      description: 'Passages that it reads for one search.',
    }),
    timeoutMs: timeoutMs.default(3_000).meta({
      description: 'The longest that a search waits for it; then the first order stands.',
    }),
  })
  .refine(({ url, trusted }) => trusted || isNear(url), {
    path: ['url'],
    error:
      'is off this machine, and passages would leave it: set `trusted: true` beside it if they may, or run the reranker here',
  })
  .optional()

const embeddingsSchema = z
  .strictObject({
    questionTimeoutMs: timeoutMs.default(3_000).meta({
      description: 'The longest that a search waits for the vector of its question; then it goes on without.',
    }),
  })
  .prefault({})

/** True as well for what is no address: that has its own complaint. */
function holdsNoKey(text: string): boolean {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}

function isNear(text: string): boolean {
  const url = URL.parse(text)
  return url === null || isLoopback(url.hostname)
}

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
    embeddings: embeddingsSchema,
    rerank: rerankSchema,
  })
  .prefault({})

export const section = {
  name: 'knowledge',
  summary: 'What retrieval finds passages in.',
  schema,
} satisfies Section<typeof schema>

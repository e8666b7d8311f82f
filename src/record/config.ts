import * as z from 'zod'
import { type Section, secretSchema } from '../contract/section.ts'

const schema = z.strictObject({
  durability: z.enum(['batch', 'fsync']).default('batch').meta({
    description:
      'When a record counts as written: `batch` once the operating system has it (a power loss may cost the last 100 ms), `fsync` once the disk has it.',
    env: 'UPSHIFT_DURABILITY',
  }),
  texts: z.enum(['keep', 'none']).default('keep').meta({
    description:
      'Whether prompts and answers are kept, encrypted for each subject, or not at all. The record of who asked what model at what cost is kept either way.',
    env: 'UPSHIFT_TEXTS',
  }),
  masterKey: secretSchema.optional().meta({
    description:
      "The key that wraps the subjects' keys: 32 bytes as 64 hex digits or base64. Without it the first start writes one to `vault.key` in the home; with it a copy of the home alone reads no text.",
    env: 'UPSHIFT_MASTER_KEY',
  }),
  segmentBytes: z
    .number()
    .int()
    .min(65_536)
    .max(1_073_741_824)
    .default(67_108_864)
    .meta({ description: 'Size in bytes at which the log begins a new segment file.' }),
  responses: z
    .strictObject({
      days: z.number().int().min(1).max(36_500).default(30).meta({
        description:
          'Days for which a response (POST /v1/responses) can be read again and gone on from. Never longer than its texts are kept.',
        env: 'UPSHIFT_RESPONSE_DAYS',
      }),
      perKey: z.number().int().min(0).max(100_000).default(10_000).meta({
        description: 'Responses of one key that stay available; older ones are not found any more.',
      }),
      bytesPerKey: z.number().int().min(0).max(1_099_511_627_776).default(268_435_456).meta({
        description: 'Bytes of the texts of one key’s responses that stay available, the newest first.',
      }),
    })
    .prefault({}),
  minFreeBytes: z.number().int().min(0).optional().meta({
    description:
      'New requests are refused while less than this is free on the disk of the home. Default: 64 MiB, or 5 % of a disk that is smaller than 1.25 GiB.',
  }),
})

export const section = {
  name: 'record',
  summary: 'The append-only log of every request, and the encrypted texts.',
  schema,
} satisfies Section<typeof schema>

export type RecordConfig = z.infer<typeof schema>

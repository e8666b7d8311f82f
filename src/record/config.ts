import * as z from 'zod'
import type { Section } from '../contract/section.ts'

const schema = z.strictObject({
  durability: z.enum(['batch', 'fsync']).default('batch').meta({
    description:
      'When a record counts as written: `batch` once the operating system has it (a power loss may cost the last 100 ms), `fsync` once the disk has it.',
    env: 'UPSHIFT_DURABILITY',
  }),
  segmentBytes: z
    .number()
    .int()
    .min(65_536)
    .max(1_073_741_824)
    .default(67_108_864)
    .meta({ description: 'Size in bytes at which the log begins a new segment file.' }),
})

export const section = {
  name: 'record',
  summary: 'The append-only log of every request.',
  schema,
} satisfies Section<typeof schema>

export type RecordConfig = z.infer<typeof schema>

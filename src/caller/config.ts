import * as z from 'zod'
import { type Section, secretSchema } from '../contract/section.ts'

const schema = z.strictObject({
  ownerKey: secretSchema.optional().meta({
    description:
      "The owner's key, at least 32 characters without spaces. Without it the first start writes one to `owner.key` in the home; with it (a container's way) nothing is written.",
    env: 'UPSHIFT_OWNER_KEY',
  }),
  maxKeys: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .meta({ description: 'How many API keys may exist, revoked and expired ones included.' }),
})

export const section = {
  name: 'caller',
  summary: 'Who may call: API keys and the owner.',
  schema,
} satisfies Section<typeof schema>

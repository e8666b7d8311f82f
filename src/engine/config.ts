import * as z from 'zod'
import { type Section, secretSchema } from '../contract/section.ts'
import { TIERS } from '../contract/tier.ts'

/** Where models come from unless a mirror is named. */
export const HUB = 'https://huggingface.co'

const address = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .refine(isBare, { error: 'must be an address without a user name, a password or a query' })

/** True as well for what is no address: that has its own complaint. */
function isBare(text: string): boolean {
  const url = URL.parse(text)
  return url === null || `${url.username}${url.password}${url.search}${url.hash}` === ''
}

const schema = z
  .strictObject({
    dir: z.string().min(1).max(4_096).optional().meta({
      description: 'Folder of the local models. Default: `models` in the home.',
      env: 'UPSHIFT_MODELS_DIR',
      path: true,
    }),
    mirror: address.default(HUB).meta({
      description: 'Where `hf:` models are fetched from: Hugging Face, or a mirror that answers like it.',
      env: 'HF_ENDPOINT',
    }),
    proxy: address.optional().meta({
      description:
        'The proxy for fetching models. Default: HTTPS_PROXY and HTTP_PROXY, which may hold a password.',
      env: 'UPSHIFT_MODELS_PROXY',
    }),
    token: secretSchema.optional().meta({
      description: 'A token for models that are not open to everybody; sent to `mirror` and nowhere else.',
      env: 'HF_TOKEN',
    }),
    maxBytes: z.number().int().min(1).max(1_125_899_906_842_624).default(137_438_953_472).meta({
      description: 'The largest model that is fetched, in bytes, all its files together.',
    }),
    stallMs: z.number().int().min(1_000).max(3_600_000).default(30_000).meta({
      description: 'Milliseconds in which next to nothing arrives before a download is begun again.',
    }),
    tries: z.number().int().min(1).max(100).default(8).meta({
      description: 'Attempts in a row that bring nothing before a download is given up.',
    }),
    tiers: z
      .record(z.string().min(1).max(200), z.enum(TIERS))
      .default({})
      .meta({ description: 'The tier of a local model by its name; default: by its size.' }),
  })
  .prefault({})

export const section = {
  name: 'models',
  summary: 'Local models: where they lie, where they are fetched from, and their tiers.',
  schema,
} satisfies Section

export type ModelsConfig = z.infer<typeof schema>

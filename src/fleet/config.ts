import * as z from 'zod'
import { CONTINUE_STYLES } from '../contract/model.ts'
import { type SecretRef, type Section, secretSchema } from '../contract/section.ts'
import { TIERS } from '../contract/tier.ts'
import { DAY_MS } from '../lib/utc.ts'
import { KINDS } from './profiles.ts'

const dollars = z.number().min(0).max(1_000_000)
const durationMs = z.number().int().min(1).max(DAY_MS)
const address = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .refine(holdsNoKey, { error: 'a key does not belong in an address: use `key: { env: NAME }`' })

/** True as well for what is no address: that has its own complaint. */
function holdsNoKey(text: string): boolean {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}

const priceSchema = z.strictObject({
  input: dollars.meta({ description: 'Dollars per million input tokens.' }),
  output: dollars.meta({ description: 'Dollars per million output tokens.' }),
  cachedInput: dollars.optional().meta({ description: 'Dollars per million input tokens read from cache.' }),
})

const modelSchema = z.strictObject({
  name: z.string().min(1).max(200).meta({ description: 'What the engine calls the model.' }),
  kind: z.enum(['chat', 'embedding']).optional().meta({
    description: 'What the model is for, where neither its server nor its name tells it rightly.',
  }),
  tier: z.enum(TIERS).optional().meta({ description: 'Overrides the tier that the catalogue gives.' }),
  contextTokens: z.number().int().min(1).max(100_000_000).optional().meta({
    description: 'The context length that the engine really serves.',
  }),
  price: priceSchema.optional(),
  urls: z.array(address).min(1).max(64).optional().meta({
    description: 'The addresses that serve this model, where not all of the engine do.',
  }),
})

const timeoutsSchema = z
  .strictObject({
    connectMs: durationMs.default(5_000).meta({ description: 'To an open connection.' }),
    firstTokenMs: durationMs.default(120_000).meta({
      description:
        'From dispatch to the first token of a stream; a local model may have to be loaded first. An answer that is not streamed has only the deadline of its tier.',
    }),
    betweenTokensMs: durationMs.default(60_000).meta({ description: 'Between two pieces of an answer.' }),
  })
  .prefault({})

/** For an engine that no file names. */
export const DEFAULT_TIMEOUTS = timeoutsSchema.parse({})

const engineSchema = z.strictObject({
  kind: z.enum(KINDS).optional().meta({
    description:
      "What kind of engine it is. Default: the engine's name where that is a kind, else openai-compatible.",
  }),
  url: address.optional().meta({ description: 'The base URL, up to and including `/v1`.' }),
  urls: z.array(address).min(1).max(64).optional().meta({ description: 'Several replicas of one engine.' }),
  key: secretSchema.optional().meta({ description: "The engine's API key, by reference." }),
  trusted: z.boolean().default(false).meta({
    description:
      'Treat an address off this machine (your own GPU server) as if it were on it: no allowance, no cap.',
  }),
  models: z.array(modelSchema).max(500).default([]),
  continues: z.enum(CONTINUE_STYLES).optional().meta({
    description:
      'How its server is told to go on from the beginning of an answer, so that an answer survives the death of a replica. Default: by its kind, else not at all.',
  }),
  hourlyUsd: dollars
    .optional()
    .meta({ description: 'What one replica costs an hour, to price a local engine.' }),
  watts: z
    .number()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta({ description: 'Or: what one replica draws under load.' }),
  kwhPriceUsd: dollars.optional().meta({ description: 'Dollars per kilowatt-hour, with `watts`.' }),
  dailyCapUsd: dollars
    .optional()
    .meta({ description: 'The cap per UTC day for an engine that must be allowed.' }),
  maxConcurrent: z.number().int().min(1).max(100_000).optional().meta({
    description: 'Requests that one replica takes at once.',
  }),
  timeouts: timeoutsSchema,
})

const queueSchema = z
  .strictObject({
    limit: z.number().int().min(0).max(100_000).default(256).meta({
      description: 'Requests that may wait for a free replica; one more is refused with Retry-After.',
    }),
    maxWaitMs: durationMs.default(30_000).meta({ description: 'The longest wait in the queue.' }),
  })
  .prefault({})

const breakerSchema = z
  .strictObject({
    failures: z.number().int().min(1).max(1_000).default(5).meta({
      description: 'Consecutive failures that take a replica out.',
    }),
    windowMs: durationMs.default(30_000).meta({ description: 'The window of the failure share.' }),
    failureShare: z.number().min(0.01).max(1).default(0.5).meta({
      description: 'Share of failures in the window that takes a replica out.',
    }),
    minRequests: z.number().int().min(1).max(100_000).default(20).meta({
      description: 'Requests in the window below which the share means nothing.',
    }),
    coolDownMs: durationMs
      .default(1_000)
      .meta({ description: 'The first cool-down; doubles with each opening.' }),
    coolDownMaxMs: durationMs.default(60_000).meta({ description: 'The longest cool-down.' }),
    retryAfterMaxMs: durationMs.default(600_000).meta({
      description: "The longest that an engine's own Retry-After is believed.",
    }),
  })
  .prefault({})

const attemptsSchema = z
  .strictObject({
    turns: z.number().int().min(1).max(20).default(4).meta({
      description: 'Turns that one request may take: retries, fail-overs and repairs together.',
    }),
    backoffMs: durationMs
      .default(100)
      .meta({ description: 'Before the second turn; doubles, with full jitter.' }),
    backoffMaxMs: durationMs.default(2_000).meta({ description: 'The longest wait between two turns.' }),
    retryShare: z.number().min(0).max(1).default(0.2).meta({
      description: 'Retries may be at most this share of the requests of the last seconds.',
    }),
  })
  .prefault({})

const schema = z
  .strictObject({
    engines: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/), engineSchema)
      .default({})
      .meta({ description: 'Engines by name. The name is the first part of a model: `name/model`.' }),
    discover: z.boolean().default(true).meta({
      description: 'Look for engines on loopback ports and for cloud keys in the environment.',
      env: 'UPSHIFT_DISCOVER',
    }),
    dailyCapUsd: dollars.default(5).meta({
      description: 'The cap per UTC day for each allowed engine off this machine that names none of its own.',
      env: 'UPSHIFT_DAILY_CAP_USD',
    }),
    refreshMs: z.number().int().min(1_000).max(DAY_MS).default(30_000).meta({
      description: 'How often each engine is asked for its models.',
    }),
    queue: queueSchema,
    breaker: breakerSchema,
    attempts: attemptsSchema,
  })
  .prefault({})

export const section = {
  name: 'fleet',
  summary: 'Engines, their replicas and models, the queue before them and the cap on what they may cost.',
  schema,
} satisfies Section

export type FleetConfig = z.infer<typeof schema>
export type EngineConfig = z.infer<typeof engineSchema>
export type BreakerConfig = z.infer<typeof breakerSchema>
export type SecretReference = SecretRef

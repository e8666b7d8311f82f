import * as z from 'zod'
import type { Section } from '../contract/section.ts'
import { TIERS } from '../contract/tier.ts'

const slo = (maxOutputTokens: number, deadlineMs: number) =>
  z
    .strictObject({
      maxOutputTokens: z
        .number()
        .int()
        .min(1)
        .max(1_000_000)
        .default(maxOutputTokens)
        .meta({ description: 'Tokens of output that are imposed where the caller gives no limit.' }),
      deadlineMs: z
        .number()
        .int()
        .min(1_000)
        .max(3_600_000)
        .default(deadlineMs)
        .meta({ description: 'Milliseconds from the arrival of a request to its last token.' }),
    })
    .prefault({})

const escalation = z
  .strictObject({
    mode: z.enum(['on', 'shadow', 'off']).default('on').meta({
      description:
        'How `auto` decides between the cheapest and the strongest tier that a key may use. `on`: by the expected gain, and by a look at the cheap answer before it leaves. `shadow`: as `off`, and what `on` would have done is written down. `off`: by points of difficulty.',
    }),
    worthUsd: z.number().min(0).max(1_000).default(0.01).meta({
      description:
        'What one more right answer is worth, dollars: going up pays where it costs less than gain × worth.',
    }),
    leastGain: z.number().min(0).max(1).default(0.1).meta({
      description:
        'Going up takes at least this expected gain, however little it costs: a stronger model is slower, and others wait for it.',
    }),
    order: z.enum(['after', 'race']).default('after').meta({
      description:
        'Whether the strong model waits for the judgement (`after`), or begins with the cheap one and is broken off where it is not needed (`race`): faster, and dearer.',
    }),
    second: z.boolean().default(true).meta({
      description:
        'Ask a second cheap model of another maker, where there is one: whether the two agree is the best evidence there is.',
    }),
    patienceMs: z.number().int().min(0).max(60_000).default(3_000).meta({
      description: 'Milliseconds that a whole cheap answer waits for the second one.',
    }),
    sure: z.number().min(1).max(1_000).default(4).meta({
      description:
        'Where the expected gain is worth its price this many times over, the strong model is asked at once; where the price is this many times what it is worth, the cheap answer leaves as it comes.',
    }),
    explore: z
      .strictObject({
        share: z.number().min(0).max(1).default(0.02).meta({
          description:
            'The most of a day’s requests that a lot may choose to learn from, at each moment of the day: with 0.02 none of the first 49. 0 for none.',
        }),
        usdPerDay: z.number().min(0).max(100_000).default(1).meta({
          description:
            'The most that what is learned from may cost in a UTC day, dollars, at its worst case.',
        }),
        exceptKeys: z.array(z.string().min(1).max(64)).max(1_000).default([]).meta({
          description: 'Ids of keys whose requests no lot may choose.',
        }),
      })
      .prefault({}),
    evaluator: z.string().min(1).max(256).optional().meta({
      description:
        'An exact model that says which of two answers is right where a lot has let both models answer. Without it a lot chooses one of the two models, and feedback says whether it was right.',
    }),
    embeddings: z
      .strictObject({
        model: z.string().min(1).max(256).optional().meta({
          description:
            'An exact model on this machine that embeds at no price: requests of like meaning that were labelled say what going up is worth. Without it, none are looked for.',
        }),
        waitMs: z.number().int().min(1).max(1_000).default(50).meta({
          description: 'Milliseconds that a decision waits for its embedding; then it is made without.',
        }),
      })
      .prefault({}),
    prior: z.string().min(1).max(4_096).optional().meta({
      path: true,
      description:
        'A prior of your own, as `upshift route train` writes it; without it, the one that ships. One that cannot be used leaves `auto` to points of difficulty, which `upshift doctor` and /metrics say.',
    }),
    abstain: z.boolean().default(false).meta({
      description:
        'Where the evidence speaks against the cheap answer and going up costs more than it is worth: say that there is no answer, instead of giving it.',
    }),
  })
  .prefault({})

const schema = z
  .strictObject({
    aliases: z.record(z.string().min(1).max(256), z.string().min(1).max(256)).default({}).meta({
      description:
        'Other names for `auto`, a tier or an exact model, so that an application need not change: `gpt-4o: mid`.',
    }),
    whenTierMissing: z.enum(['nearest', 'refuse']).default('nearest').meta({
      description:
        'What to do where no model of the wanted tier can be used: take the `nearest` tier (cheaper first), or `refuse`.',
    }),
    autoMid: z
      .number()
      .min(0)
      .max(100)
      .default(3)
      .meta({ description: 'Points of difficulty from which `auto` chooses the mid tier.' }),
    autoExpert: z
      .number()
      .min(0)
      .max(100)
      .default(7)
      .meta({ description: 'Points of difficulty from which `auto` chooses the expert tier.' }),
    escalation,
    embeddings: z
      .strictObject({
        model: z.string().min(1).max(256).optional().meta({
          description:
            'The model that `auto` means for embeddings. Without it, the only model that embeds; where there are several, `auto` is refused.',
        }),
        deadlineMs: z.number().int().min(1_000).max(3_600_000).default(300_000).meta({
          description: 'Milliseconds from the arrival of a request for embeddings to its last vector.',
        }),
      })
      .prefault({}),
    tiers: z
      .strictObject({ fast: slo(1_024, 60_000), mid: slo(4_096, 180_000), expert: slo(16_384, 600_000) })
      .prefault({}),
  })
  .refine(({ autoMid, autoExpert }) => autoMid <= autoExpert, {
    error: 'must not be below autoMid: the expert tier is for what is harder',
    path: ['autoExpert'],
  })

export const section = {
  name: 'route',
  summary: 'How a request is sent to a mode, a tier and a model.',
  schema,
} satisfies Section<typeof schema>

export type RouteConfig = z.infer<typeof schema>

/** What a request may ask for beside aliases and exact models. */
export const RESERVED_NAMES: readonly string[] = ['auto', ...TIERS]

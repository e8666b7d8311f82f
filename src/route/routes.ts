import * as z from 'zod'
import { mayUse } from '../contract/caller.ts'
import type { ModelView } from '../contract/model.ts'
import { type Route, route } from '../contract/route.ts'
import { RESERVED_NAMES, type RouteConfig } from './config.ts'

const modelReply = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number().int(),
  owned_by: z
    .string()
    .meta({ description: 'The engine; `upshift` for the names that Upshift resolves itself.' }),
  upshift: z
    .object({
      tier: z.string(),
      kind: z.string(),
      off_machine: z.boolean(),
      available: z.boolean(),
      context_tokens: z.number().int().nullable(),
      price: z
        .object({ input_per_million: z.number(), output_per_million: z.number() })
        .nullable()
        .meta({ description: 'Micro-dollars per million tokens; null where unpriced.' }),
    })
    .optional(),
})
const listReply = z.object({ object: z.literal('list'), data: z.array(modelReply) })

/** GET /v1/models: what the caller's key may ask for. */
export function modelRoutes(config: () => RouteConfig, models: () => readonly ModelView[]): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/models',
      access: 'key',
      summary: 'The models, tiers and aliases that this key may ask for.',
      answers: listReply,
      handle: ({ caller }) => {
        const usable = models().filter(
          (one) => one.allowed && caller !== null && mayUse(caller.scope, one) === true,
        )
        const names = [...RESERVED_NAMES, ...Object.keys(config().aliases)]
        const own = names.map((id) => ({ id, object: 'model' as const, created: 0, owned_by: 'upshift' }))
        return { object: 'list' as const, data: [...own, ...usable.map(describe)] }
      },
    }),
  ]
}

function describe(one: ModelView): z.infer<typeof modelReply> {
  const { price } = one
  return {
    id: one.id,
    object: 'model',
    created: 0,
    owned_by: one.kind === 'extractive' ? 'upshift' : one.engine,
    upshift: {
      tier: one.tier,
      kind: one.kind,
      off_machine: one.offMachine,
      available: one.available,
      context_tokens: one.contextTokens ?? null,
      price:
        price === undefined
          ? null
          : { input_per_million: price.inputPerMillion, output_per_million: price.outputPerMillion },
    },
  }
}

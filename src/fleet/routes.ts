import * as z from 'zod'
import { isRefusal, type Refusal } from '../contract/problem.ts'
import { type Route, route } from '../contract/route.ts'
import { TIERS } from '../contract/tier.ts'
import type { Fleet } from './fleet.ts'
import { KINDS } from './profiles.ts'
import type { EngineView } from './view.ts'

const usd = z.number().meta({ description: 'Dollars.' })

const modelReply = z.object({
  id: z.string(),
  kind: z.enum(['chat', 'embedding', 'extractive']),
  tier: z.enum(TIERS),
  tier_reason: z.string(),
  available: z.boolean(),
  context_tokens: z.number().int().nullable(),
  context_assumed: z.boolean(),
  price: z
    .object({ input: usd, output: usd, cached_input: usd.nullable() })
    .nullable()
    .meta({ description: 'Dollars per million tokens; null where unpriced.' }),
  price_source: z.string(),
})

export const engineReply = z.object({
  name: z.string(),
  kind: z.enum(KINDS),
  source: z.enum(['config', 'found', 'environment']),
  off_machine: z.boolean(),
  allowed: z.boolean(),
  available: z.boolean(),
  state: z.string(),
  notes: z.array(z.string()),
  hourly_usd: usd.nullable(),
  spent_usd: usd.nullable().meta({
    description: 'Dollars today, UTC; null where neither its models nor its hours have a price.',
  }),
  spend: z
    .object({ cap_usd: usd, spent_usd: usd, held_usd: usd, unknown_usd: usd, excess_usd: usd })
    .nullable()
    .meta({ description: 'Today, UTC; null for an engine that needs no allowance.' }),
  replicas: z.array(
    z.object({
      id: z.string(),
      url: z.string(),
      reach: z.enum(['unknown', 'up', 'down']),
      why: z.string().nullable(),
      breaker: z.enum(['closed', 'open', 'half-open']),
      in_flight: z.number().int(),
      max_concurrent: z.number().int(),
      back_in_ms: z.number().int(),
    }),
  ),
  models: z.array(modelReply),
})

export const engineListReply = z.object({ engines: z.array(engineReply) })

const allowBody = z.strictObject({
  cap_usd: z.number().min(0).max(1_000_000).optional().meta({
    description: 'Dollars a UTC day; the configured cap where absent.',
  }),
})

export type EngineReply = z.infer<typeof engineReply>

/** The owner's routes over the fleet. */
export function fleetRoutes(fleet: Fleet): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/engines',
      access: 'owner',
      summary: 'Lists engines with their models, replicas, allowance and spending.',
      answers: engineListReply,
      handle: () => ({ engines: fleet.engines().map(wireEngine) }),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/engines/:name/allow',
      access: 'owner',
      summary: 'Lets prompts go to an engine off this machine, under a daily cap.',
      body: allowBody,
      answers: engineReply,
      handle: async ({ params, body, caller }) =>
        wired(await fleet.allow(params['name'] ?? '', body.cap_usd, caller?.key ?? 'owner')),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/engines/:name/deny',
      access: 'owner',
      summary: 'Takes back the allowance of an engine.',
      answers: engineReply,
      handle: async ({ params, caller }) =>
        wired(await fleet.deny(params['name'] ?? '', caller?.key ?? 'owner')),
    }),
  ]
}

function wired(result: EngineView | Refusal): EngineReply | Refusal {
  return isRefusal(result) ? result : wireEngine(result)
}

function wireEngine(engine: EngineView): EngineReply {
  const { spend } = engine
  return {
    name: engine.name,
    kind: engine.kind,
    source: engine.source,
    off_machine: engine.offMachine,
    allowed: engine.allowed,
    available: engine.available,
    state: engine.state,
    notes: [...engine.notes],
    hourly_usd: engine.hourlyUsd ?? null,
    spent_usd: engine.spentMicros === undefined ? null : engine.spentMicros / 1e6,
    spend: spend
      ? {
          cap_usd: spend.capMicros / 1e6,
          spent_usd: spend.spentMicros / 1e6,
          held_usd: spend.heldMicros / 1e6,
          unknown_usd: spend.unknownMicros / 1e6,
          excess_usd: spend.excessMicros / 1e6,
        }
      : null,
    replicas: engine.replicas.map((replica) => ({
      id: replica.id,
      url: replica.url,
      reach: replica.reach.state,
      why: replica.reach.state === 'down' ? replica.reach.why : null,
      breaker: replica.breaker,
      in_flight: replica.inFlight,
      max_concurrent: replica.maxConcurrent,
      back_in_ms: replica.backInMs,
    })),
    models: engine.models.map(({ view, tierReason, contextAssumed, priceReason }) => ({
      id: view.id,
      kind: view.kind,
      tier: view.tier,
      tier_reason: tierReason,
      available: view.available,
      context_tokens: view.contextTokens ?? null,
      context_assumed: contextAssumed,
      price: view.price
        ? {
            input: view.price.inputPerMillion / 1e6,
            output: view.price.outputPerMillion / 1e6,
            cached_input:
              view.price.cachedInputPerMillion === undefined ? null : view.price.cachedInputPerMillion / 1e6,
          }
        : null,
      price_source: priceReason,
    })),
  }
}

import * as z from 'zod'
import { refuse } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import type { Segments } from '../proof/segments.ts'
import type { Learner } from './learner.ts'
import type { Tallies } from './tally.ts'

const micros = z.number().meta({ description: 'Micro-dollars.' })
const interval = z.object({
  estimate: z.number().nullable(),
  low: z.number().nullable().meta({ description: 'Null where it has no bound.' }),
  high: z.number().nullable().meta({ description: 'Null where it has no bound.' }),
})

/** What `GET /v1/admin/routing` answers. */
export const routingReply = z.object({
  segments: z.array(
    z.object({
      segment: z.string(),
      state: z.string().meta({ description: '`unknown`, `pays` or `does-not-pay`.' }),
      reason: z.string(),
      calls: z.number().int().meta({ description: 'Requests between two tiers.' }),
      straightUp: z.number().int().meta({
        description: 'Of these: the prompt alone sent them to the stronger tier.',
      }),
      straightDown: z.number().int().meta({
        description:
          'Of these: the prompt alone, or the proof that going up does not pay, left them to the cheaper tier.',
      }),
      escalated: z.number().int(),
      wouldEscalate: z.number().int().meta({ description: 'Requests that the judgement would send up.' }),
      declined: z.number().int(),
      costMicros: micros,
      escalatedMicros: micros,
      tokenShare: z.object({ fast: z.number(), mid: z.number(), expert: z.number() }),
      labels: z.number().int(),
      wasted: z.number().int().meta({ description: 'Pairs in which both were right, or both wrong.' }),
      harmful: z.number().int().meta({ description: 'Pairs in which only the cheap answer was right.' }),
      netMicros: interval.meta({
        description: 'What going up is worth, less its price, a request; at 95 %.',
      }),
      qualityPerUsd: interval.meta({ description: 'Gain in quality per dollar.' }),
    }),
  ),
  versions: z
    .array(
      z.object({
        id: z.string(),
        live: z.boolean(),
        madeAt: z.number(),
        note: z.string(),
        figures: z.record(z.string(), z.number()),
        replayed: z.object({ against: z.string(), verdict: z.string(), reason: z.string() }).nullable(),
      }),
    )
    .meta({ description: 'Weights of the evidence that were learned, the newest first.' }),
})
export type RoutingReply = z.infer<typeof routingReply>

/** What routing has learned, as the fold of the log has it. */
export interface LearnedRouting {
  readonly segments: Segments
  readonly tallies: Tallies
  readonly learner: Learner
}

export interface RoutingPorts {
  readonly learned: LearnedRouting
  readonly now: () => number
  /** Writes down that the live version was taken back, which takes it back. */
  takeBack(to: string, by: string): Promise<void>
}

/** What going back answers. */
export const backReply = z.object({ live: z.string() })

export function routingRoutes({ learned, now, takeBack }: RoutingPorts): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/routing',
      access: 'owner',
      summary: 'What going up to a stronger tier was worth, by kind of traffic.',
      answers: routingReply,
      handle: () => report(learned, now()),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/routing/rollback',
      access: 'owner',
      summary: 'Go back to the weights of the evidence that were live before.',
      answers: backReply,
      handle: async ({ caller }) => {
        const before = learned.learner.before
        if (before === undefined)
          return refuse(
            'conflict',
            'No version of the weights was live before this one: there is nothing to go back to.',
          )
        await takeBack(before, caller?.key ?? '')
        return { live: before }
      },
    }),
  ]
}

const ASKED = { optedOut: false, withinResidency: true, room: true } as const

function report({ segments, tallies, learner }: LearnedRouting, nowMs: number): RoutingReply {
  const known = new Map(segments.report(nowMs).map((one) => [one.key, one]))
  return {
    segments: tallies.all.map(([segment, { tokens, ...sums }]) => {
      const { state, reason } = segments.decide(segment, nowMs, ASKED)
      const proof = known.get(segment)
      return {
        segment,
        state,
        reason,
        ...sums,
        tokenShare: shares(tokens),
        labels: proof?.labels ?? 0,
        wasted: proof?.wasted ?? 0,
        harmful: proof?.harmful ?? 0,
        netMicros: bounded(proof?.netMicros),
        qualityPerUsd: bounded(proof?.qualityPerUsd),
      }
    }),
    versions: learner.versions.map((one) => ({
      ...one,
      figures: { ...one.figures },
      replayed: one.replayed === null ? null : { ...one.replayed },
    })),
  }
}

type Range = { readonly estimate: number | undefined; readonly low: number; readonly high: number }

/** JSON has no endless numbers. */
function bounded(range: Range | undefined): z.infer<typeof interval> {
  const finite = (value: number | undefined): number | null =>
    value !== undefined && Number.isFinite(value) ? value : null
  return { estimate: finite(range?.estimate), low: finite(range?.low), high: finite(range?.high) }
}

function shares(
  tokens: Readonly<Record<'fast' | 'mid' | 'expert', number>>,
): Record<'fast' | 'mid' | 'expert', number> {
  const all = Math.max(1, tokens.fast + tokens.mid + tokens.expert)
  return { fast: tokens.fast / all, mid: tokens.mid / all, expert: tokens.expert / all }
}

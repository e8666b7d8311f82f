import * as z from 'zod'
import type { Limits } from '../contract/budget.ts'
import { MICROS_PER_USD, microsOf } from './money.ts'

/** The largest budget: beyond it sums of micro-dollars would not be exact. */
const MAX_USD = 1_000_000_000
const MIN_USD = 1 / MICROS_PER_USD
const MAX_COUNT = 1_000_000_000

export const NO_LIMITS: Limits = Object.freeze({})

const dollars = z.number().min(MIN_USD).max(MAX_USD)
const count = z.number().int().min(1).max(MAX_COUNT)

const shape = {
  usdPerDay: dollars.meta({ description: 'Dollars a UTC day.' }),
  usdPerMonth: dollars.meta({ description: 'Dollars a UTC calendar month.' }),
  requestsPerMinute: count.meta({ description: 'Requests within any minute.' }),
  tokensPerMinute: count.meta({ description: 'Prompt and completion tokens within any minute.' }),
  concurrentRequests: count.meta({ description: 'Requests under way at once.' }),
}

/** Limits as they are set: an absent field stays as it is, null removes the limit. */
export const limitsBody = z
  .strictObject({
    usdPerDay: shape.usdPerDay.nullable().optional(),
    usdPerMonth: shape.usdPerMonth.nullable().optional(),
    requestsPerMinute: shape.requestsPerMinute.nullable().optional(),
    tokensPerMinute: shape.tokensPerMinute.nullable().optional(),
    concurrentRequests: shape.concurrentRequests.nullable().optional(),
  })
  .meta({ description: 'Null removes a limit; an absent one stays as it is.' })

/** Limits as they are shown. */
export const limitsReply = z
  .object({
    usdPerDay: shape.usdPerDay.nullable(),
    usdPerMonth: shape.usdPerMonth.nullable(),
    requestsPerMinute: shape.requestsPerMinute.nullable(),
    tokensPerMinute: shape.tokensPerMinute.nullable(),
    concurrentRequests: shape.concurrentRequests.nullable(),
  })
  .meta({ description: 'Null is no limit.' })

export type LimitsBody = z.infer<typeof limitsBody>
export type LimitsReply = z.infer<typeof limitsReply>

/** What to change: an absent field stays as it is, null removes the limit. Money in micro-dollars. */
export type LimitChange = { readonly [Name in keyof Limits]?: number | null }

export function changeOf(body: LimitsBody): LimitChange {
  const change: { -readonly [Name in keyof LimitChange]: LimitChange[Name] } = {}
  if (body.usdPerDay !== undefined) change.microsPerDay = body.usdPerDay && microsOf(body.usdPerDay)
  if (body.usdPerMonth !== undefined) change.microsPerMonth = body.usdPerMonth && microsOf(body.usdPerMonth)
  if (body.requestsPerMinute !== undefined) change.requestsPerMinute = body.requestsPerMinute
  if (body.tokensPerMinute !== undefined) change.tokensPerMinute = body.tokensPerMinute
  if (body.concurrentRequests !== undefined) change.concurrentRequests = body.concurrentRequests
  return change
}

export function limitsOnWire(limits: Limits): LimitsReply {
  return {
    usdPerDay: limits.microsPerDay === undefined ? null : limits.microsPerDay / MICROS_PER_USD,
    usdPerMonth: limits.microsPerMonth === undefined ? null : limits.microsPerMonth / MICROS_PER_USD,
    requestsPerMinute: limits.requestsPerMinute ?? null,
    tokensPerMinute: limits.tokensPerMinute ?? null,
    concurrentRequests: limits.concurrentRequests ?? null,
  }
}

/** The limits after a change. */
export function changed(limits: Limits, change: LimitChange): Limits {
  return limitsFrom({ ...limits, ...change })
}

/** Limits without their empty fields. */
export function limitsFrom(fields: LimitChange): Limits {
  const limits: { -readonly [Name in keyof Limits]: Limits[Name] } = {}
  if (fields.microsPerDay != null) limits.microsPerDay = fields.microsPerDay
  if (fields.microsPerMonth != null) limits.microsPerMonth = fields.microsPerMonth
  if (fields.requestsPerMinute != null) limits.requestsPerMinute = fields.requestsPerMinute
  if (fields.tokensPerMinute != null) limits.tokensPerMinute = fields.tokensPerMinute
  if (fields.concurrentRequests != null) limits.concurrentRequests = fields.concurrentRequests
  return Object.keys(limits).length === 0 ? NO_LIMITS : Object.freeze(limits)
}

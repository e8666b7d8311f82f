import type { WorstCase } from '../contract/budget.ts'
import type { LeaseCost, LeaseEnd, SentParts } from '../contract/lease.ts'
import type { CacheLife } from '../contract/native.ts'
import type { Need } from '../contract/need.ts'
import type { ProblemCode } from '../contract/problem.ts'
import {
  CACHE_WRITE_FACTOR,
  costMicros,
  estimatedPromptTokens,
  type Price,
  type Usage,
} from '../contract/usage.ts'
import { PROFILES } from './profiles.ts'
import type { ModelEntry, Place } from './table.ts'

/*
 * DESIGN. What an attempt may cost, and what it did. By tokens where the model has a price, else by the hour
 * where its engine has one: the share of the replica that was busy with it.
 *
 * Where the engine stated no usage: nothing, for an end that no vendor bills; an estimate, where Upshift or the
 * caller broke the answer off; else unknown, and the whole worst case counts. The estimate is half the bound on
 * the prompt and what was seen of the answer with RUN_AHEAD_TOKENS that the engine may have been ahead, and THINKING_TOKENS_PER_SECOND for the time in which
 * nothing came: reasoning is billed and not shown, and whoever breaks off before its end would have it for nothing.
 */
const HOUR_MS = 3_600_000
const RUN_AHEAD_TOKENS = 64
const THINKING_TOKENS_PER_SECOND = 150

/** The bounds that one attempt was reserved with. */
export interface Worst extends WorstCase {
  readonly promptTokens: number
  readonly completionTokens: number
  /** The whole prompt may be written to the engine's cache, at the price of that. */
  readonly cache: CacheLife | undefined
}

/** The most that an attempt can cost; `micros` is undefined where no price bounds it. */
export function worstCase(entry: ModelEntry, need: Need, now: number): Worst {
  const promptTokens = need.promptTokensBound
  const completionTokens = need.choices * need.maxOutputTokens
  const bills = entry.engine !== undefined && PROFILES[entry.engine.spec.kind].billsCacheWrites
  const cache = bills ? need.cache : undefined
  const micros = entry.view.price
    ? worstMicros(entry, promptTokens, completionTokens, cache)
    : worstByHour(entry, need.deadline - now)
  return { micros, tokens: promptTokens + completionTokens, promptTokens, completionTokens, cache }
}

function worstMicros(
  entry: ModelEntry,
  promptTokens: number,
  completionTokens: number,
  cache: CacheLife | undefined,
): number | undefined {
  const rate = rateFor(entry, entry.view.price, promptTokens)
  if (!rate) return undefined
  const written = cache === undefined ? 1 : CACHE_WRITE_FACTOR[cache]
  // A cached read may not cost more than a fresh one here: the bound takes the dearer of the two.
  const dearest = Math.max(rate.inputPerMillion * written, rate.cachedInputPerMillion ?? 0)
  return costMicros(
    { inputPerMillion: dearest, outputPerMillion: rate.outputPerMillion },
    { promptTokens, completionTokens },
  )
}

function worstByHour(entry: ModelEntry, leftMs: number): number | undefined {
  const narrowest = Math.min(...entry.places.map(({ replica }) => replica.maxConcurrent))
  return Number.isFinite(leftMs) ? byHour(entry, narrowest, leftMs) : undefined
}

function byHour(entry: ModelEntry, concurrent: number, busyMs: number): number | undefined {
  const hourlyUsd = entry.engine?.spec.hourlyUsd
  if (hourlyUsd === undefined) return undefined
  return Math.ceil((hourlyUsd * 1_000_000 * busyMs) / HOUR_MS / concurrent)
}

/**
 * Outcomes where no token was made, so that nothing is billed although nobody reported a usage: the request was
 * stopped here, or refused by the engine with a 4xx. Only where no content came before: an engine may say the same
 * in the middle of an answer, and bills what it had written. A connection that broke is not among them: what happened at
 * the other end is unknown. An engine that knows that nothing was sent reports a usage of zero tokens instead.
 */
const UNBILLED: ReadonlySet<'ok' | ProblemCode> = new Set([
  'guard_refused',
  'out_of_scope',
  'record_unavailable',
  'draining',
  'upstream_rejected',
  'context_length_exceeded',
  'upstream_rate_limited',
  'upstream_overloaded',
  'upstream_unauthorized',
])

/** Ends that are Upshift's or the caller's doing: the engine was told to stop, and bills what it had made. */
const BROKEN_OFF: ReadonlySet<'ok' | ProblemCode> = new Set([
  'client_closed',
  'deadline_exceeded',
  'output_refused',
  'answer_too_large',
  'draining',
])

/** What an attempt came to, by the rule above. `busyMs`: how long it occupied its replica. */
export function costOf(
  entry: ModelEntry,
  place: Place,
  worst: Worst,
  end: LeaseEnd,
  busyMs: number,
): LeaseCost {
  if (end.parts !== undefined) return costOfParts(entry, place, end, end.parts, busyMs)
  const usage = end.usage ?? estimated(worst, end)
  const guessed = end.usage === undefined && usage !== undefined
  if (!entry.view.price) {
    const told = { ...(usage && { usage }), ...(guessed && { estimated: true as const }) }
    const cost = byHour(entry, place.replica.maxConcurrent, busyMs)
    return cost === undefined ? told : { ...told, costMicros: cost, chargedMicros: cost }
  }
  // A model without weights, inside this process: it reads no tokens, and bills none.
  if (usage === undefined && entry.engine === undefined) {
    return { usage: NO_TOKENS, costMicros: 0, chargedMicros: 0 }
  }
  if (usage === undefined) {
    return UNBILLED.has(end.outcome) && !end.contentSeen ? { costMicros: 0, chargedMicros: 0 } : {}
  }
  const cost = usageMicros(entry, usage)
  if (cost === undefined) return { usage }
  const once = promptOnce(usage, end.firstPromptTokens)
  const charged = once === usage ? cost : (usageMicros(entry, once) ?? cost)
  const costs = { usage, costMicros: cost, chargedMicros: Math.min(cost, charged) }
  return guessed ? { ...costs, estimated: true } : costs
}

const NO_TOKENS: Usage = { promptTokens: 0, completionTokens: 0 }

function estimated(worst: Worst, end: LeaseEnd): Usage | undefined {
  if (!BROKEN_OFF.has(end.outcome)) return undefined
  if (UNBILLED.has(end.outcome) && !end.contentSeen) return undefined
  // The engine had written all of it before its size was found out.
  if (end.outcome === 'answer_too_large' && !end.contentSeen) return undefined
  const thought = ((end.silentMs ?? 0) / 1_000) * THINKING_TOKENS_PER_SECOND
  const seen = Math.ceil((end.seenTokens ?? 0) + thought) + RUN_AHEAD_TOKENS
  const promptTokens = estimatedPromptTokens(worst.promptTokens)
  return {
    promptTokens,
    ...(worst.cache === undefined ? {} : { cacheWriteTokens: promptTokens }),
    ...(worst.cache === '1h' ? { cacheWriteHourTokens: promptTokens } : {}),
    completionTokens: Math.min(seen, worst.completionTokens),
  }
}

/**
 * The same for a prompt that was sent in parts. What an engine answered without stating its tokens is estimated for
 * whoever asked, but is no bill: there the whole hold counts, as for any answer without a usage.
 */
function costOfParts(
  entry: ModelEntry,
  place: Place,
  end: LeaseEnd,
  parts: SentParts,
  busyMs: number,
): LeaseCost {
  const last = lastPart(end, parts)
  const usage = last && { promptTokens: parts.promptTokens + last.tokens, completionTokens: 0 }
  const estimate = parts.estimated || last?.estimated === true
  const told = usage === undefined ? {} : { usage, ...(estimate ? { estimated: true as const } : {}) }
  const cost = entry.view.price
    ? usage === undefined || parts.estimated
      ? undefined
      : usageMicros(entry, usage)
    : byHour(entry, place.replica.maxConcurrent, busyMs)
  return cost === undefined ? told : { ...told, costMicros: cost, chargedMicros: cost }
}

/** Prompt tokens of the part that was under way at the end; undefined where nobody knows. */
function lastPart(
  { outcome, usage }: LeaseEnd,
  { openTokensBound }: SentParts,
): { readonly tokens: number; readonly estimated: boolean } | undefined {
  if (usage !== undefined) return { tokens: usage.promptTokens, estimated: false }
  if (openTokensBound === 0) return { tokens: 0, estimated: false }
  if (BROKEN_OFF.has(outcome)) return { tokens: estimatedPromptTokens(openTokensBound), estimated: true }
  return UNBILLED.has(outcome) ? { tokens: 0, estimated: false } : undefined
}

function promptOnce(usage: Usage, firstPromptTokens: number | undefined): Usage {
  if (firstPromptTokens === undefined || firstPromptTokens >= usage.promptTokens) return usage
  return { ...usage, promptTokens: firstPromptTokens }
}

/** What a known usage costs, micro-dollars; undefined where the model is unpriced. */
function usageMicros(entry: ModelEntry, usage: Usage): number | undefined {
  const rate = rateFor(entry, entry.view.price, usage.promptTokens)
  return rate && costMicros(rate, usage)
}

function rateFor(entry: ModelEntry, price: Price | undefined, promptTokens: number): Price | undefined {
  if (!entry.long || promptTokens <= entry.long.aboveTokens) return price
  return entry.long.price
}

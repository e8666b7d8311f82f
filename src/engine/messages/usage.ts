import type { WireUsage } from '../../contract/chat.ts'
import type { MessagesUsage } from '../../contract/messages.ts'
import type { Usage } from '../../contract/usage.ts'
import { isRecord } from '../upstream.ts'

/** What a stream has told of its usage so far: later counts replace earlier ones, and stand for the whole message. */
export function merged(known: MessagesUsage, told: unknown): MessagesUsage {
  if (!isRecord(told)) return known
  const counts = Object.entries(told).filter(([, value]) => value !== null)
  return { ...known, ...Object.fromEntries(counts) }
}

/**
 * The usage of a message, or undefined where its counts are not whole numbers: unknown usage is charged at its worst
 * case, never guessed. Messages leaves out of `input_tokens` what was read from the cache or written to it.
 */
export function usageOf(told: MessagesUsage): Usage | undefined {
  const fresh = count(told.input_tokens)
  const completionTokens = count(told.output_tokens)
  if (fresh === undefined || completionTokens === undefined) return undefined
  const read = count(told.cache_read_input_tokens)
  const written = count(told.cache_creation_input_tokens)
  const hour = count(told.cache_creation?.ephemeral_1h_input_tokens)
  const reasoning = count(told.output_tokens_details?.thinking_tokens)
  return {
    promptTokens: fresh + (read ?? 0) + (written ?? 0),
    completionTokens,
    ...(read === undefined ? {} : { cachedTokens: read }),
    ...(written === undefined ? {} : { cacheWriteTokens: written }),
    ...(written === undefined || hour === undefined ? {} : { cacheWriteHourTokens: Math.min(hour, written) }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
  }
}

/** The same as Chat Completions tells it. */
export function wireUsageOf(usage: Usage): WireUsage {
  const { promptTokens, completionTokens, cachedTokens = 0, reasoningTokens } = usage
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    ...(reasoningTokens === undefined
      ? {}
      : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

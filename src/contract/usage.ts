import type { CacheLife } from './native.ts'

/** Tokens of one generation, as the engine reported them; absent where it reported nothing. */
export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Of the prompt: read from the engine's cache. */
  readonly cachedTokens?: number
  /** Of the prompt: written to the engine's cache, where that has a price of its own. */
  readonly cacheWriteTokens?: number
  /** Of those written: to be kept for an hour rather than five minutes. */
  readonly cacheWriteHourTokens?: number
  readonly reasoningTokens?: number
}

/** How an engine on this machine worked on one generation; counts are as they stood when it ended. */
export interface EngineStats {
  /** In the engine's own line. */
  readonly waitMs: number
  /** Reading the prompt, as far as no cache held it. */
  readonly prefillMs: number
  readonly running?: number
  readonly waiting?: number
  /** Tokens in the KV caches, and how many they can hold. */
  readonly kvTokens?: number
  readonly kvCapacityTokens?: number
}

/** Micro-dollars (10⁻⁶ USD) per million tokens, as integers: $2.50 per million input tokens is 2_500_000. */
export interface Price {
  readonly inputPerMillion: number
  readonly outputPerMillion: number
  readonly cachedInputPerMillion?: number
}

/**
 * What a token costs that is written to an engine's prompt cache, as a multiple of a fresh input token: kept for five
 * minutes, for an hour. Source: Anthropic's pricing of prompt caching, the one vendor here that bills writes.
 */
export const CACHE_WRITE_FACTOR: Readonly<Record<CacheLife, number>> = { '5m': 1.25, '1h': 2 }

const PROMPT_SHARE = 0.5

/**
 * The tokens of a prompt that nobody counted, by the rule in docs/budgets.md: half of the bound, which counts a token
 * a byte. Text has two to four bytes a token.
 */
export function estimatedPromptTokens(tokensBound: number): number {
  return Math.ceil(tokensBound * PROMPT_SHARE)
}

/** Integer micro-dollars, rounded up so that a sum of charges is never below the sum of prices. */
export function costMicros(price: Price, usage: Usage): number {
  const cached = Math.min(usage.cachedTokens ?? 0, usage.promptTokens)
  const written = Math.min(usage.cacheWriteTokens ?? 0, usage.promptTokens - cached)
  const hour = Math.min(usage.cacheWriteHourTokens ?? 0, written)
  const weighed =
    usage.promptTokens -
    cached -
    written +
    (written - hour) * CACHE_WRITE_FACTOR['5m'] +
    hour * CACHE_WRITE_FACTOR['1h']
  const cachedPrice = price.cachedInputPerMillion ?? price.inputPerMillion
  const total =
    weighed * price.inputPerMillion + cached * cachedPrice + usage.completionTokens * price.outputPerMillion
  return Math.ceil(total / 1_000_000)
}

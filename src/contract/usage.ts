/** Tokens of one generation, as the engine reported them; absent where it reported nothing. */
export interface Usage {
  readonly promptTokens: number
  readonly completionTokens: number
  readonly cachedTokens?: number
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
  const fresh = usage.promptTokens - cached
  const cachedPrice = price.cachedInputPerMillion ?? price.inputPerMillion
  const total =
    fresh * price.inputPerMillion + cached * cachedPrice + usage.completionTokens * price.outputPerMillion
  return Math.ceil(total / 1_000_000)
}

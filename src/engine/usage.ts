import type { WireUsage } from '../contract/chat.ts'
import type { Usage } from '../contract/usage.ts'

/**
 * Usage as engines report it, or undefined where the counts are not whole numbers: unknown usage is charged at
 * its worst case, never guessed. xAI and Gemini leave reasoning tokens out of `completion_tokens` but not out of
 * `total_tokens`, and bill them as output; so output is what the total has beyond the prompt, where that is more.
 */
export function readUsage(wire: WireUsage): Usage | undefined {
  const prompt = count(wire.prompt_tokens)
  const completion = count(wire.completion_tokens)
  if (prompt === undefined || completion === undefined) return undefined
  const total = count(wire.total_tokens) ?? 0
  // DeepSeek names its cache hits differently. https://api-docs.deepseek.com/guides/kv_cache
  const cached = count(wire.prompt_tokens_details?.cached_tokens) ?? count(wire['prompt_cache_hit_tokens'])
  const reasoning = count(wire.completion_tokens_details?.reasoning_tokens)
  return {
    promptTokens: prompt,
    completionTokens: Math.max(completion, total - prompt),
    ...(cached === undefined ? {} : { cachedTokens: cached }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

import type { ChatRequest } from '../../contract/chat.ts'
import type { ModelView } from '../../contract/model.ts'
import { textChars } from '../../contract/text.ts'
import { costMicros } from '../../contract/usage.ts'

/** English has about four characters a token; other languages fewer, and then the strong model is dearer than said. */
const CHARS_PER_TOKEN = 4
/** What an answer is expected to have where its length is not known: the middle of common answers. */
const ANSWER_TOKENS = 400

/** What an answer of this model is expected to cost, micro-dollars; 0 where it has no price. */
export function expectedMicros(model: ModelView, request: ChatRequest, capTokens: number): number {
  if (model.price === undefined) return 0
  const promptTokens = Math.ceil(textChars(request) / CHARS_PER_TOKEN)
  return costMicros(model.price, { promptTokens, completionTokens: Math.min(ANSWER_TOKENS, capTokens) })
}

/**
 * What a conversation loses by leaving the model that it is with, micro-dollars: what was said stands in that engine's
 * prompt cache, and would be read anew elsewhere.
 */
export function lostCacheMicros(model: ModelView, request: ChatRequest): number {
  const { price } = model
  if (price?.cachedInputPerMillion === undefined) return 0
  const saved = price.inputPerMillion - price.cachedInputPerMillion
  const promptTokens = Math.ceil(textChars(request) / CHARS_PER_TOKEN)
  return Math.max(0, Math.round((saved * promptTokens) / 1_000_000))
}

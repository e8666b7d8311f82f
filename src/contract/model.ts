import type { ForeignDialect } from './native.ts'
import type { Tier } from './tier.ts'
import type { Price } from './usage.ts'

/**
 * What a model is for: `chat` answers in words, `embedding` makes a vector of a text, `extractive` has no weights and
 * answers only from passages.
 */
export type ModelKind = 'chat' | 'embedding' | 'extractive'

/**
 * How an engine is told to go on from the last message, the assistant's: by `continue_final_message` (vLLM, SGLang), by
 * `prefix` on that message (Mistral), or by nothing more than that it is the last one (llama.cpp).
 */
export const CONTINUE_STYLES = ['continue_final_message', 'prefix', 'last_message'] as const
export type ContinueStyle = (typeof CONTINUE_STYLES)[number]

/** A model as the planner sees it: one snapshot, true at the moment it was taken. */
export interface ModelView {
  /** The exact model: `engine/name`. */
  readonly id: string
  readonly engine: string
  /** What the engine itself calls it. */
  readonly name: string
  readonly tier: Tier
  readonly kind: ModelKind
  readonly offMachine: boolean
  /** False for an engine off this machine whose owner has not allowed it. */
  readonly allowed: boolean
  /** At least one replica could take a request now. */
  readonly available: boolean
  /** Tokens; undefined where the engine does not say. */
  readonly contextTokens: number | undefined
  /** Undefined: unpriced, and said to be so. */
  readonly price: Price | undefined
  /** Its engine can go on from the beginning of an answer that another replica left. */
  readonly continues?: boolean
  /** The engine itself guarantees a JSON Schema, so an answer may stream unchecked. */
  readonly enforcesSchema: boolean
  /** It tells the probability of each token, at little cost. */
  readonly tellsLogprobs?: boolean
  /** What its engine speaks; Chat Completions where absent. */
  readonly dialect?: ForeignDialect
  /** It writes by a grammar of the request's own schema: what that covers whole may stream, and is checked at its end. */
  readonly writesByGrammar?: boolean
}

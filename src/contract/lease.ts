import type { ProblemCode } from './problem.ts'
import type { Usage } from './usage.ts'

/** How an attempt went, as the path saw it. */
export interface LeaseEnd {
  readonly outcome: 'ok' | ProblemCode
  /** As the engine stated it. */
  readonly usage?: Usage | undefined
  readonly retryAfterMs?: number | undefined
  /** The engine had begun its answer: then an end without a usage is not one without a cost. */
  readonly contentSeen: boolean
  /** What was seen of an answer whose usage nobody stated: about how many tokens it has. */
  readonly seenTokens?: number
  /** Until the first content, or the end where there was none: in it a model that reasons may have been thinking. */
  readonly silentMs?: number | undefined
  /** Prompt tokens of the request's first turn: a caller pays for the prompt once, however often it is sent. */
  readonly firstPromptTokens?: number | undefined
  /** Then `usage` is that of the last part alone. */
  readonly parts?: SentParts
}

/** What became of a prompt that is sent in parts, each on its own and one after the other. */
export interface SentParts {
  /** Prompt tokens of the parts that were answered. */
  readonly promptTokens: number
  /** The engine has not stated all of them. */
  readonly estimated: boolean
  /** Upper bound on the part that was under way at the end; 0 where none was. */
  readonly openTokensBound: number
}

/** What an attempt came to. */
export interface LeaseCost {
  /** What the provider bills, micro-dollars; absent where nobody knows. */
  readonly costMicros?: number
  /** What the caller is charged for it where it is the turn that is delivered. */
  readonly chargedMicros?: number
  readonly usage?: Usage
  /** The engine stated no usage: it was estimated. */
  readonly estimated?: true
}

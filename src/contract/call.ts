import type { ChatRequest } from './chat.ts'
import type { Passage } from './passage.ts'

/** One call of an engine: it yields `answer-start` never, content and exactly one terminal event always. */
export interface Call {
  readonly id: string
  /** The key that asks: what an engine has only so much of is shared fairly between callers. */
  readonly caller: string
  readonly request: ChatRequest
  readonly maxOutputTokens: number
  /** The last message is the beginning of the model's own turn: it goes on from there. */
  readonly continues?: boolean
  readonly passages: readonly Passage[]
  /** On the monotonic clock. */
  readonly deadline: number
  readonly signal: AbortSignal
}

import type { Caller } from './caller.ts'
import type { ChatRequest } from './chat.ts'
import type { AnswerStart, Batch } from './event.ts'
import type { Passage } from './passage.ts'
import type { Plan } from './plan.ts'
import type { Refusal } from './problem.ts'

/** Where a request comes from: the wire, with its credential, or a way that works for a request above it. */
export type Origin =
  | { readonly type: 'wire'; readonly credential: string | undefined }
  | { readonly type: 'child'; readonly parent: string; readonly caller: Caller; readonly depth: number }

/** One request on the path. */
export interface Ask {
  /** `req_…`, unique, sorted by time. */
  readonly id: string
  readonly origin: Origin
  readonly request: ChatRequest
  /** Size of the request's JSON on the wire. */
  readonly bytes: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Aborts when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal
  /** What a retrieval found, for the engine below it. */
  readonly passages?: readonly Passage[]
}

/**
 * An answer that has begun. `events` yields the batches after `start`, ends with exactly one terminal event,
 * and may be consumed once. Disposing releases everything; it is safe at any moment and more than once.
 */
export interface Answer extends AsyncDisposable {
  readonly type: 'answer'
  readonly plan: Plan
  readonly start: AnswerStart
  readonly events: AsyncIterable<Batch>
}

export type Handle = (ask: Ask) => Promise<Answer | Refusal>

/** One way to answer. Nested calls go through `complete`; only `direct` carries cost. */
export type Way = (ask: Ask, caller: Caller, plan: Plan, complete: Handle) => AsyncIterable<Batch>

import type { Purse } from './budget.ts'
import type { Caller } from './caller.ts'
import type { ChatRequest } from './chat.ts'
import type { ResponseMark, Settlement } from './entry.ts'
import type { AnswerStart, Batch, Verdict } from './event.ts'
import type { LeaseCost } from './lease.ts'
import type { Passage } from './passage.ts'
import type { Plan } from './plan.ts'
import type { Refusal } from './problem.ts'

/** Where a request comes from: the wire, with its credential, or a way that works for a request above it. */
export type Origin =
  | {
      readonly type: 'wire'
      readonly credential: string | undefined
      /** Who the credential was found to be at the door, before the body was read; it is looked at again. */
      readonly caller?: Caller
    }
  | {
      readonly type: 'child'
      readonly parent: string
      readonly caller: Caller
      readonly depth: number
      /** What is left for it: the parent's. */
      readonly purse: Purse
    }

/** What every kind of request has in common. */
export interface Asked {
  /** Whom it is about. */
  readonly user?: string | undefined
}

/** What an embedding model made of a request, for routing. */
export interface Meaning {
  /** The exact model: vectors of two models do not compare. */
  readonly model: string
  /** Projected, and in steps of 1/127. */
  readonly vector?: Int8Array
  /** Why there is no vector. */
  readonly missing?: string
}

/** One request on the path. */
export interface Ask<R extends Asked = ChatRequest> {
  /** `req_…`, unique, sorted by time. */
  readonly id: string
  readonly origin: Origin
  readonly request: R
  /** Size of the request's JSON on the wire. */
  readonly bytes: number
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Aborts when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal
  /** What a retrieval found, for the engine below it. */
  readonly passages?: readonly Passage[]
  /** What was asked, where the request holds it among passages. */
  readonly question?: string
  /** Where routing looks for requests of like meaning. */
  readonly meaning?: Meaning
  /** What its dialect could not do that it asked for: they stand among the answer's verdicts. */
  readonly verdicts?: readonly Verdict[]
  /** The caller may ask for the answer again. */
  readonly response?: ResponseMark
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

/**
 * `body`: the request as it arrived, for the vault; absent for a child, whose text is its parent's. It stands beside
 * the ask, which lives as long as the answer: a slow reader must not hold a large body in memory.
 */
export type Handle<R extends Asked = ChatRequest> = (
  ask: Ask<R>,
  body?: Uint8Array,
) => Promise<Answer | Refusal>

/** How many tokens a prompt has for the model that would answer it. */
export interface Counted {
  readonly type: 'counted'
  readonly tokens: number
  /** The exact model. */
  readonly model: string
  /** No engine has counted: the figure is an upper bound. */
  readonly estimated: boolean
}

/** Counts what `Handle` would send, and answers nothing. `body` as there. */
export type Count = (ask: Ask, body?: Uint8Array) => Promise<Counted | Refusal>

/** What the turns of a request came to, for its record. */
export interface Bill {
  /** `delivered`: this turn's answer is the one that the caller gets, or got a part of. */
  add(settlement: Settlement, cost: LeaseCost, delivered: boolean): void
  /** The settlements that no entry has told yet; each is handed out once. */
  take(): readonly Settlement[]
  /** What all turns cost, for a terminal event: absent where a part is unknown. */
  total(): { readonly costMicros?: number }
  /** Prompt tokens of the first turn that told them: a caller pays for a prompt once. */
  readonly firstPromptTokens: number | undefined
  /** The number of the next turn, from 1. */
  turn(): number
  /** A part of the same bill for another model's answer: it charges for itself, and adds to what all of it costs. */
  leg(): Bill
  /** What the turns of this part cost, micro-dollars; undefined where a part is unknown. */
  readonly ownMicros: number | undefined
}

/** One request on its way through a mode. */
export interface Work<R extends Asked = ChatRequest> {
  readonly ask: Ask<R>
  readonly caller: Caller
  readonly plan: Plan
  readonly purse: Purse
  readonly bill: Bill
  /** Resolves when the record is open. Nothing is dispatched before it; it goes to the log ahead of what follows. */
  readonly opened: Promise<void>
  /** For nested calls. */
  readonly complete: Handle<R>
}

/**
 * An answer on its way, from its start on: what is yielded, and what is returned as the last batch, which ends with the
 * terminal event. When that arrives the way has run to its end and holds nothing any more: nobody has to end it.
 */
export type Batches = AsyncGenerator<Batch, Batch>

/** One way to answer. Only one that dispatches adds to the bill. */
export type Way<R extends Asked = ChatRequest> = (work: Work<R>) => Batches

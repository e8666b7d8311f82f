import type { Ask, Asked, Origin, Way } from '../contract/ask.ts'
import type { Visit } from '../contract/budget.ts'
import type { Call } from '../contract/call.ts'
import type { Caller } from '../contract/caller.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { EmbedBounds, EmbedCall, EmbedEnd } from '../contract/embed.ts'
import type { Attempted, Closed, Keep, Opened, Refused } from '../contract/entry.ts'
import type { Batch, Verdict } from '../contract/event.ts'
import type { LeaseCost, LeaseEnd } from '../contract/lease.ts'
import type { ModelView } from '../contract/model.ts'
import type { Need } from '../contract/need.ts'
import type { ChatMode, Mode, Plan } from '../contract/plan.ts'
import type { Problem, Refusal } from '../contract/problem.ts'

/** What the path needs from the rooms around it, whatever is asked. assemble/ proves the fit. */
export interface PathPorts {
  authenticate(origin: Extract<Origin, { type: 'wire' }>): Caller | Refusal
  /** A place for one more request of this caller, and what it may spend; or the limit that is in the way. */
  enter(caller: Caller): Visit | Refusal
  readonly record: RecordPort
  readonly elapsed: () => number
}

/** And what it needs for one kind of request. */
export interface HandlePorts<R extends Asked = ChatRequest, M extends Mode = ChatMode> extends PathPorts {
  /** Bounds, and the input rules that hold wherever the request goes. May return a redacted request. */
  admit(request: R, bytes: number): Admitted<R> | Refusal | Promise<Admitted<R> | Refusal>
  plan(ask: Ask<R>, caller: Caller): Plan<M> | Refusal | Promise<Plan<M> | Refusal>
  readonly ways: Readonly<Record<M, Way<R>>>
}

export interface Admitted<R = ChatRequest> {
  readonly type: 'admitted'
  readonly request: R
  readonly verdicts: readonly Verdict[]
}

/** The log. Each call resolves once the entry, and the text kept for it, have been handed to the operating system. */
export interface RecordPort {
  append(entry: Opened | Attempted | Closed | Refused, keep?: Keep): Promise<void>
}

/** What the attempt loop needs: a replica to try, whatever is sent to it. */
export interface LoopPorts<R> {
  acquire(need: Need): Lease | Refusal | Promise<Lease | Refusal>
  /** True where a replica of these models is up that has not failed yet. */
  hasOther(candidates: readonly string[], failed: ReadonlySet<string>): boolean
  /** Input rules for a request about to leave the machine. */
  outbound(request: R): Admitted<R> | Refusal
  readonly record: RecordPort
  readonly elapsed: () => number
  /** 0 ≤ x < 1, for jitter. */
  readonly random: () => number
  readonly bounds: AttemptBounds
}

/** What the way `direct` needs: the loop, and checks over what a model says. */
export interface AttemptPorts extends LoopPorts<ChatRequest> {
  /** A fresh check for one answer. */
  check(request: ChatRequest, plan: Plan, enforced: boolean): AnswerCheck
}

export interface AttemptBounds {
  /** Turns of the loop, repairs included. */
  readonly turns: number
  /** Milliseconds before the second turn; doubles each turn, with full jitter. */
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** Retries may be at most this share of the requests of the last seconds: a retry budget. */
  readonly retryShare: number
  /** Bytes of an answer that `hold` may collect. */
  readonly heldBytes: number
}

/** A replica held for one attempt. Disposing releases its place; `settle` says how it went, once. */
export interface Lease extends Disposable {
  readonly type: 'lease'
  readonly replica: string
  readonly model: ModelView
  /** Worst case held against the engine's cap and the caller's budget, micro-dollars; undefined where unpriced. */
  readonly heldMicros: number | undefined
  readonly heldTokens: number
  generate(call: Call): AsyncIterable<Batch>
  /** The prompt's tokens as the engine counts them; asked only of an engine that does. */
  count(call: Call): Promise<number | Refusal>
  /** Of a model that embeds: the vectors of a part of a request, within `embedBounds`. One call at a time. */
  embed(call: EmbedCall): Promise<EmbedEnd>
  readonly embedBounds: EmbedBounds
  /** Feeds health, breaker, the daily cap and the caller's purse; returns what the attempt came to. */
  settle(end: LeaseEnd): LeaseCost
}

/** Output rules and shape checks over one answer. */
export interface AnswerCheck {
  /** True where nothing may leave before `whole` has passed. */
  readonly hold: boolean
  /** Passes a batch through, keeps back what may be forming, redacts; or names what must end the answer. */
  scan(batch: Batch): Batch | Problem | Promise<Batch | Problem>
  /** What `scan` still keeps back, at the end. */
  flush(): Batch | Problem
  /** Looks at a whole answer: schema and tool arguments. Names what to tell the model for its one repair. */
  whole(batches: readonly Batch[]): Promise<WholeCheck>
  readonly verdicts: readonly Verdict[]
}

export type WholeCheck =
  | { readonly type: 'passed' }
  | { readonly type: 'unmet'; readonly problem: Problem; readonly advice: string }

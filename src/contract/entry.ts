import type { Scope } from './caller.ts'
import type { Verdict } from './event.ts'
import type { Plan } from './plan.ts'
import type { ProblemCode } from './problem.ts'
import type { Usage } from './usage.ts'

/** Written before the first dispatch. An `opened` without its `closed` means that the process died. */
export interface Opened {
  readonly type: 'opened'
  readonly id: string
  readonly parent?: string
  readonly key: string
  readonly bytes: number
  readonly plan: Plan
}

/** One turn of the attempt loop, written when it begins. */
export interface Attempted {
  readonly type: 'attempt'
  readonly id: string
  readonly turn: number
  readonly model: string
  readonly engine: string
  readonly replica: string
  readonly offMachine: boolean
  /** Why this turn was needed: `first`, `retry`, `failover`, `repair`. */
  readonly cause: 'first' | 'retry' | 'failover' | 'repair'
  /** Worst case held against the engine's cap, micro-dollars; absent where the model is unpriced. */
  readonly heldMicros?: number
}

/** One turn's end: its own outcome, usage and cost. */
export interface Settled {
  readonly type: 'settled'
  readonly id: string
  readonly turn: number
  readonly engine: string
  readonly outcome: 'ok' | ProblemCode
  readonly usage?: Usage
  readonly costMicros?: number
  readonly firstTokenMs?: number
  readonly totalMs: number
}

/** Written before the finish event leaves. */
export interface Closed {
  readonly type: 'closed'
  readonly id: string
  readonly outcome: 'answered' | 'declined' | 'failed' | 'aborted'
  readonly code?: ProblemCode
  readonly model?: string
  readonly usage?: Usage
  readonly costMicros?: number
  readonly firstTokenMs?: number
  readonly totalMs: number
  readonly verdicts?: readonly Verdict[]
  /** Ids of the passages that the answer quotes. */
  readonly sources?: readonly string[]
}

/** A known caller was refused before any dispatch. */
export interface Refused {
  readonly type: 'refused'
  readonly id: string
  readonly key: string
  readonly code: ProblemCode
  readonly rule?: string
}

export interface KeyChanged {
  readonly type: 'key-changed'
  readonly key: string
  readonly change: 'created' | 'revoked' | 'rotated'
  readonly by: string
  readonly scope?: Scope
}

export interface PolicyChanged {
  readonly type: 'policy-changed'
  readonly what: string
  readonly to: string
  readonly by: string
}

/** What the one log holds; the writer adds `seq` and `at`. */
export type Entry = Opened | Attempted | Settled | Closed | Refused | KeyChanged | PolicyChanged

export type Stamped<E extends Entry = Entry> = E & {
  /** Position in the log, from 0, without gaps. */
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

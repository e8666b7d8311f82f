import type { ChatChunk, ChatCompletion } from './chat.ts'
import type { Vector } from './embed.ts'
import type { Judgement } from './escalation.ts'
import type { ForeignDialect } from './native.ts'
import type { Citation } from './passage.ts'
import type { Problem } from './problem.ts'
import type { Tier } from './tier.ts'
import type { EngineStats, Usage } from './usage.ts'

/** Who answers, known before the first content. Always the first event of an answer that begins. */
export interface AnswerStart {
  readonly type: 'answer-start'
  /** The exact model, `engine/name`. */
  readonly model: string
  readonly engine: string
  readonly tier: Tier
  readonly replica: string
  readonly offMachine: boolean
  readonly attempt: number
  /** Why this model answers, where that was decided after the plan. */
  readonly why?: string
}

/**
 * One streamed chunk. `wire` is the text it came as, and a stage that changes the chunk drops it: in Chat Completions
 * the chunk's JSON, in a foreign dialect the whole server-sent event with its blank line. Who encodes for a caller
 * writes the wire of the caller's own dialect as it is, and encodes the chunk anew where there is none.
 */
export interface ChunkDelta {
  readonly type: 'chunk-delta'
  readonly chunk: ChatChunk
  readonly wire?: string
  /** What the wire is written in; Chat Completions where absent. */
  readonly dialect?: ForeignDialect
  /** Tokens that it brings, where the engine knows; else about one. */
  readonly tokens?: number
  /** The event says something in its own dialect only (a block begins, a ping): in any other it is left out. */
  readonly silent?: true
}

/** The whole answer at once, where the caller did not stream. A stage that changes it drops the wire. */
export interface AnswerWhole {
  readonly type: 'answer-whole'
  readonly completion: ChatCompletion
  /** The JSON text it came as, in a foreign dialect. */
  readonly wire?: string
  readonly dialect?: ForeignDialect
}

/** All vectors of a request for embeddings, in the order of its inputs. */
export interface EmbeddingWhole {
  readonly type: 'embedding-whole'
  readonly vectors: readonly Vector[]
}

/** What a check found that did not stop the answer: it stands in the record and in the `upshift` field. */
export interface Verdict {
  readonly check: string
  readonly outcome: 'passed' | 'repaired' | 'redacted' | 'failed' | 'skipped'
  readonly detail?: string
}

/** The good end. Terminal. */
export interface AnswerFinish {
  readonly type: 'answer-finish'
  /** Absent where the engine reported none. */
  readonly usage?: Usage
  /** Integer micro-dollars; absent where the model is unpriced or the usage unknown. */
  readonly costMicros?: number
  /** The request below this one that the record charges the cost to; absent where it is this one's own. */
  readonly chargedTo?: string
  readonly verdicts: readonly Verdict[]
  readonly citations?: readonly Citation[]
  readonly engineStats?: EngineStats
  /** Set by an engine that had nothing to support an answer with, and said so. */
  readonly declined?: boolean
  /** What was made of a cheap answer before it, or another one, left. */
  readonly judged?: Judgement
}

/** The bad end. Terminal. As the very first event it becomes a refusal with a status of its own. */
export interface AnswerError {
  readonly type: 'answer-error'
  readonly problem: Problem
  readonly usage?: Usage
  readonly costMicros?: number
  readonly chargedTo?: string
  readonly judged?: Judgement
}

/** True for the one event that ends a stream; undefined, as `at(-1)` gives it, ends none. */
export function isTerminal(event: AnswerEvent | undefined): event is AnswerFinish | AnswerError {
  return event?.type === 'answer-finish' || event?.type === 'answer-error'
}

export type AnswerEvent = AnswerStart | ChunkDelta | AnswerWhole | EmbeddingWhole | AnswerFinish | AnswerError

/** What one socket read brought: never empty. A stream of batches ends with exactly one terminal event. */
export type Batch = readonly AnswerEvent[]

import type { Purse } from '../../contract/budget.ts'
import type { Caller } from '../../contract/caller.ts'
import type { Refusal } from '../../contract/problem.ts'

/** For whom a retrieval works: its engines are asked within this caller's scope, and at its cost. */
export interface Asking {
  readonly caller: Caller
  readonly signal: AbortSignal
  /** The request that the retrieval is a part of; absent where it is asked for by itself. */
  readonly parent?: { readonly id: string; readonly depth: number; readonly purse: Purse }
}

/** A question as a vector, by the exact model `model`. */
export interface QuestionVector {
  readonly type: 'question-vector'
  readonly model: string
  readonly vector: Float32Array
}

/** Passages in a reranker's order: where each stood, and what the model made of it. */
export interface Reranked {
  readonly type: 'reranked'
  readonly order: readonly { readonly index: number; readonly score: number }[]
}

/** A reranker as it is configured. */
export interface RerankerPort {
  /** As it is called in records. */
  readonly model: string
  /** Passages that it reads at most. */
  readonly depth: number
  /** Resolves within the configured time; a refusal says why nothing was sent or what came of it. */
  rerank(question: string, passages: readonly string[], asking: Asking): Promise<Reranked | Refusal>
}

/** What retrieval asks outside of its own room. */
export interface RetrievalEngines {
  /** Resolves within the configured time; refused where the caller may not use the model. */
  embed(model: string, question: string, asking: Asking): Promise<QuestionVector | Refusal>
  readonly reranker?: RerankerPort
}

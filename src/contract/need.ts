import type { Purse } from './budget.ts'
import type { CacheLife } from './native.ts'

/** What one attempt needs of the fleet. */
export interface Need {
  readonly id: string
  /** Exact model ids, the preferred first. */
  readonly candidates: readonly string[]
  /** Replicas that have already failed this request. */
  readonly failed: ReadonlySet<string>
  /** Upper bounds for the price of the attempt. */
  readonly promptTokensBound: number
  /** The dearest prompt cache that it marks: what an engine writes there may cost more than what it reads. */
  readonly cache?: CacheLife | undefined
  readonly maxOutputTokens: number
  readonly choices: number
  /** On the monotonic clock; queueing ends then. */
  readonly deadline: number
  /** What the caller may still spend: reserved together with the engine's cap. */
  readonly purse: Purse
  readonly signal: AbortSignal
}

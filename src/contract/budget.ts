import type { Refusal } from './problem.ts'

/** What a key may spend and ask for. An absent field is no limit. Money is in integer micro-dollars. */
export interface Limits {
  /** Per UTC day. */
  readonly microsPerDay?: number
  /** Per UTC calendar month. */
  readonly microsPerMonth?: number
  readonly requestsPerMinute?: number
  /** Prompt and completion together. */
  readonly tokensPerMinute?: number
  readonly concurrentRequests?: number
}

/** The most that one attempt may cost. */
export interface WorstCase {
  /** Undefined where the model has no price: only tokens are held then. */
  readonly micros: number | undefined
  readonly tokens: number
}

/** How an attempt ended. What is undefined nobody knows: its hold stays spent, marked unknown. */
export interface HoldEnd {
  readonly costMicros: number | undefined
  readonly tokens: number | undefined
}

/** A worst case that is reserved. Settled exactly once. */
export interface Hold {
  settle(end: HoldEnd): void
}

/** What one request may spend, as its attempts see it. */
export interface Purse {
  /** Reserves before an attempt, synchronously: two attempts cannot both take the last cent. */
  reserve(worst: WorstCase): Hold | Refusal
}

/** A caller's place among the concurrent requests, from admission to the end of the answer. */
export interface Visit extends Purse {
  /** Frees the place. Safe to call more than once. */
  leave(): void
}

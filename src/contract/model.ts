import type { ForeignDialect } from './native.ts'
import type { Tier } from './tier.ts'
import type { Price } from './usage.ts'

/** A model as the planner sees it: one snapshot, true at the moment it was taken. */
export interface ModelView {
  /** The exact model: `engine/name`. */
  readonly id: string
  readonly engine: string
  /** What the engine itself calls it. */
  readonly name: string
  readonly tier: Tier
  /** `extractive` has no weights: it answers only from passages. */
  readonly kind: 'chat' | 'extractive'
  readonly offMachine: boolean
  /** False for an engine off this machine whose owner has not allowed it. */
  readonly allowed: boolean
  /** At least one replica could take a request now. */
  readonly available: boolean
  /** Tokens; undefined where the engine does not say. */
  readonly contextTokens: number | undefined
  /** Undefined: unpriced, and said to be so. */
  readonly price: Price | undefined
  /** The engine itself guarantees a JSON Schema, so an answer may stream unchecked. */
  readonly enforcesSchema: boolean
  /** What its engine speaks; Chat Completions where absent. */
  readonly dialect?: ForeignDialect
}

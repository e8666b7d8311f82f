import type { Decided, Escalation } from './escalation.ts'
import type { Tier } from './tier.ts'

/** How a chat request is answered. */
export type ChatMode = 'direct' | 'retrieve'
/** `embed` makes vectors of texts. */
export type Mode = ChatMode | 'embed'

/** What was decided before the first dispatch, and why. It goes into the record whole. */
export interface Plan<M extends Mode = Mode> {
  readonly mode: M
  /** The caller's word: `auto`, a tier, an alias or an exact model. */
  readonly requested: string
  readonly tier: Tier
  /** Exact model ids that may serve, the preferred first; never empty. */
  readonly candidates: readonly string[]
  readonly effort: 'fast' | 'deliberate'
  /** `scan` checks while it streams; `hold` waits for the whole answer. */
  readonly output: 'scan' | 'hold'
  readonly maxOutputTokens: number
  /** True where the caller gave no limit and the tier's cap was imposed. */
  readonly capImposed: boolean
  /** Milliseconds that the way may take, to the last token: retries and repairs included. */
  readonly deadlineMs: number
  /** Absent: the candidates answer, and nobody above them is asked. */
  readonly escalation?: Escalation
  /** Set where what was asked decided alone which of two tiers answers. */
  readonly decided?: Decided
  /** What is asked over passages is planned by itself, as `auto`: its answer may be looked at and go up. */
  readonly upward?: true
  readonly reasons: readonly string[]
  readonly rejected: readonly { readonly option: string; readonly why: string }[]
}

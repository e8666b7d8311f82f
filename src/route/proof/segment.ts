import * as z from 'zod'
import { DAY_MS } from '../../lib/utc.ts'
import { type Outcome, PROPENSITY_FLOOR, type Terms } from './outcome.ts'
import { type Estimate, Uplift, upliftStateSchema } from './uplift.ts'
import { verdictWords } from './words.ts'

/** `unknown`: the prior governs. `does-not-pay`: no escalation but for exploration. */
export const PROOF_STATES = ['unknown', 'pays', 'does-not-pay'] as const
export type ProofState = (typeof PROOF_STATES)[number]

/** How a segment is judged and explored. */
export interface ProofRules {
  /** The chance with which a verdict of an epoch may be wrong, both ways together. */
  readonly alpha: number
  /** Shares of requests that are drawn for the experiment. */
  readonly explore: {
    readonly unknown: number
    readonly pays: number
    readonly doesNotPay: number
    /** While a verdict is looked at anew. */
    readonly retest: number
  }
  /** Days after which a verdict is looked at anew, and after which evidence that decided nothing is let go. */
  readonly retestDays: number
  readonly undecidedDays: number
  /** Labels of a re-test without a verdict after which the one before it no longer holds. */
  readonly retestLabels: number
}

export const PROOF_RULES: ProofRules = {
  alpha: 0.05,
  explore: { unknown: 0.1, pays: 0.02, doesNotPay: 0.01, retest: 0.05 },
  retestDays: 30,
  undecidedDays: 120,
  retestLabels: 2_000,
}

/** Throws where a rule cannot hold: a fault of whoever wrote the settings, in words for them. */
export function checkRules(rules: ProofRules): ProofRules {
  for (const [name, share] of Object.entries(rules.explore)) {
    if (share >= PROPENSITY_FLOOR && share <= 1) continue
    throw new Error(
      `explore.${name} is ${share}: it must be from ${PROPENSITY_FLOOR} to 1, or nothing is learned`,
    )
  }
  if (!(rules.alpha > 0 && rules.alpha < 1))
    throw new Error(`alpha is ${rules.alpha}: it must lie between 0 and 1`)
  for (const name of ['retestDays', 'undecidedDays', 'retestLabels'] as const) {
    if (!(rules[name] > 0)) throw new Error(`${name} is ${rules[name]}: it must be above 0`)
  }
  return rules
}

/** Why a request may not be drawn, whatever the segment would like. */
export interface Drawable {
  /** The key opted out of experiments. */
  readonly optedOut: boolean
  /** Residency and consent let the request go to both arms. */
  readonly withinResidency: boolean
  /** True, or why the exploration budget has no room. */
  readonly room: true | string
}

export interface ProofDecision {
  readonly state: ProofState
  /** The chance with which this request is to be drawn for the experiment; 0 where it may not be. */
  readonly explore: number
  readonly reason: string
}

export const segmentStateSchema = z
  .strictObject({
    terms: z
      .strictObject({
        models: z.string(),
        priceMicros: z.number(),
        cheapMaxMicros: z.number(),
        strongMaxMicros: z.number(),
      })
      .readonly(),
    /** Of this epoch; 1 is the first under these terms. */
    epoch: z.number().int().min(1),
    beganAt: z.number(),
    lastAt: z.number(),
    state: z.enum(PROOF_STATES),
    /** When this epoch's own evidence decided; null: not yet. The state is then the one carried over. */
    decidedAt: z.number().nullable(),
    late: z.number().int().min(0),
    uplift: upliftStateSchema,
  })
  .readonly()
export type SegmentState = z.infer<typeof segmentStateSchema>

export interface SegmentReport extends Estimate {
  readonly state: ProofState
  readonly epoch: number
  readonly beganAt: number
  /** True while a verdict of an earlier epoch is looked at anew. */
  readonly retesting: boolean
  /** Labels of other terms than those that hold now, which came too late to count. */
  readonly late: number
}

/**
 * One segment: its evidence, its state, and when to doubt it.
 *
 * DESIGN. Only an outcome changes anything, so that the same log gives the same segment. A state is kept until the
 * evidence of an epoch says otherwise: an interval that drifts back over 0 does not switch what it had proven. An epoch
 * ends when its verdict is old, and under other terms. After a verdict that is merely old, the verdict governs while it
 * is looked at anew; under other terms nothing is known. Each epoch begins without evidence, so that drift can turn a
 * verdict round; its price is that `alpha` holds per epoch, not for ever.
 */
export class Segment {
  readonly #rules: ProofRules
  #terms: Terms
  #epoch = 1
  #beganAt: number
  #lastAt: number
  #state: ProofState = 'unknown'
  #decidedAt: number | undefined
  #late = 0
  #uplift: Uplift
  /** Made once for each label, and not for each request. */
  #estimate: Estimate | undefined

  constructor(rules: ProofRules, terms: Terms, atMs: number) {
    this.#rules = rules
    this.#terms = terms
    this.#beganAt = atMs
    this.#lastAt = atMs
    this.#uplift = new Uplift(terms)
  }

  static from(rules: ProofRules, state: SegmentState): Segment {
    const segment = new Segment(rules, state.terms, state.beganAt)
    segment.#epoch = state.epoch
    segment.#lastAt = state.lastAt
    segment.#state = state.state
    segment.#decidedAt = state.decidedAt ?? undefined
    segment.#late = state.late
    segment.#uplift = new Uplift(state.terms, state.uplift)
    return segment
  }

  /** When the newest outcome was drawn, milliseconds since the epoch. */
  get lastAt(): number {
    return this.#lastAt
  }

  add(outcome: Outcome): void {
    if (!sameTerms(outcome.terms, this.#terms)) {
      if (outcome.assignedAt < this.#lastAt) {
        this.#late += 1
        return
      }
      this.#begin(outcome.terms, outcome.assignedAt, 'unknown', 1)
    } else if (this.#due(outcome.assignedAt)) {
      this.#begin(this.#terms, outcome.assignedAt, this.#state, this.#epoch + 1)
    }
    this.#uplift.add(outcome)
    this.#estimate = undefined
    this.#lastAt = Math.max(this.#lastAt, outcome.assignedAt)
    this.#judge()
  }

  /** What holds for a request of this segment, and whether to draw it. Changes nothing. */
  decide(nowMs: number, drawable: Drawable): ProofDecision {
    const retesting = this.#retesting(nowMs)
    const why = blocked(drawable)
    const explore = why === undefined ? this.#share(retesting) : 0
    return { state: this.#state, explore, reason: this.#reason(this.report(nowMs), explore, why) }
  }

  report(nowMs: number): SegmentReport {
    return {
      ...this.#estimated(),
      state: this.#state,
      epoch: this.#epoch,
      beganAt: this.#beganAt,
      retesting: this.#retesting(nowMs),
      late: this.#late,
    }
  }

  state(): SegmentState {
    return {
      terms: this.#terms,
      epoch: this.#epoch,
      beganAt: this.#beganAt,
      lastAt: this.#lastAt,
      state: this.#state,
      decidedAt: this.#decidedAt ?? null,
      late: this.#late,
      uplift: this.#uplift.state(),
    }
  }

  #begin(terms: Terms, atMs: number, state: ProofState, epoch: number): void {
    this.#terms = terms
    this.#beganAt = atMs
    this.#state = state
    this.#epoch = epoch
    this.#decidedAt = undefined
    this.#uplift = new Uplift(terms)
    this.#estimate = undefined
  }

  #estimated(): Estimate {
    this.#estimate ??= this.#uplift.estimate(this.#rules.alpha)
    return this.#estimate
  }

  #judge(): void {
    const { low, high } = this.#estimated().netMicros
    const seen = low > 0 ? 'pays' : high < 0 ? 'does-not-pay' : undefined
    if (seen !== undefined) {
      this.#state = seen
      this.#decidedAt ??= this.#lastAt
    } else if (this.#decidedAt === undefined && this.#uplift.labels >= this.#rules.retestLabels) {
      this.#state = 'unknown'
    }
  }

  #due(nowMs: number): boolean {
    if (this.#decidedAt !== undefined) return nowMs - this.#decidedAt >= this.#rules.retestDays * DAY_MS
    return nowMs - this.#beganAt >= this.#rules.undecidedDays * DAY_MS
  }

  #retesting(nowMs: number): boolean {
    if (this.#state === 'unknown') return false
    return this.#decidedAt === undefined || this.#due(nowMs)
  }

  #share(retesting: boolean): number {
    const { explore } = this.#rules
    if (this.#state === 'unknown') return explore.unknown
    if (retesting) return explore.retest
    return this.#state === 'pays' ? explore.pays : explore.doesNotPay
  }

  #reason(report: SegmentReport, explore: number, why: string | undefined): string {
    const next = this.#decidedAt === undefined ? undefined : this.#decidedAt + this.#rules.retestDays * DAY_MS
    return verdictWords(report, { alpha: this.#rules.alpha, explore, blocked: why, retestAt: next })
  }
}

/** Why the request may not be drawn; undefined: it may. */
function blocked({ optedOut, withinResidency, room }: Drawable): string | undefined {
  if (optedOut) return 'the key opted out of experiments'
  if (!withinResidency) return 'the request may not go to both models'
  return room === true ? undefined : room
}

function sameTerms(one: Terms, other: Terms): boolean {
  return (
    one.models === other.models &&
    one.priceMicros === other.priceMicros &&
    one.cheapMaxMicros === other.cheapMaxMicros &&
    one.strongMaxMicros === other.strongMaxMicros
  )
}

/** What holds where nothing was ever learned of a segment. */
export function untried(rules: ProofRules, drawable: Drawable): ProofDecision {
  const why = blocked(drawable)
  const explore = why === undefined ? rules.explore.unknown : 0
  const share = why === undefined ? `drawn with ${(100 * explore).toFixed(1)} %` : `not drawn: ${why}`
  return {
    state: 'unknown',
    explore,
    reason: `nothing is known of this segment yet: the prior governs; ${share}`,
  }
}

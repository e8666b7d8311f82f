import * as z from 'zod'
import type { Outcome } from './outcome.ts'
import {
  checkRules,
  type Drawable,
  type ProofDecision,
  type ProofRules,
  Segment,
  type SegmentReport,
  segmentStateSchema,
  untried,
} from './segment.ts'

/** Segments that are kept; the one whose newest label is oldest goes first. */
export const SEGMENTS_MAX = 512

export const segmentsStateSchema = z
  .strictObject({
    segments: z
      .array(z.strictObject({ key: z.string(), segment: segmentStateSchema }).readonly())
      .max(SEGMENTS_MAX)
      .readonly(),
    /** Segments that were let go to make room. */
    forgotten: z.number().int().min(0),
  })
  .readonly()
export type SegmentsState = z.infer<typeof segmentsStateSchema>

/** Every segment: a fold over outcomes. The same outcomes in the same order give the same segments. */
export class Segments {
  readonly #rules: ProofRules
  readonly #byKey = new Map<string, Segment>()
  #forgotten = 0

  /** Throws where the rules cannot hold. */
  constructor(rules: ProofRules, state?: SegmentsState) {
    this.#rules = checkRules(rules)
    if (state === undefined) return
    for (const { key, segment } of state.segments) this.#byKey.set(key, Segment.from(rules, segment))
    this.#forgotten = state.forgotten
  }

  add(outcome: Outcome): void {
    let segment = this.#byKey.get(outcome.segment)
    if (segment === undefined) {
      if (this.#byKey.size >= SEGMENTS_MAX) this.#forgetOldest()
      segment = new Segment(this.#rules, outcome.terms, outcome.assignedAt)
      this.#byKey.set(outcome.segment, segment)
    }
    segment.add(outcome)
  }

  decide(key: string, nowMs: number, drawable: Drawable): ProofDecision {
    return this.#byKey.get(key)?.decide(nowMs, drawable) ?? untried(this.#rules, drawable)
  }

  /** By key, in the order of their first labels. */
  report(nowMs: number): readonly (SegmentReport & { readonly key: string })[] {
    return [...this.#byKey].map(([key, segment]) => ({ key, ...segment.report(nowMs) }))
  }

  state(): SegmentsState {
    const segments = [...this.#byKey].map(([key, segment]) => ({ key, segment: segment.state() }))
    return { segments, forgotten: this.#forgotten }
  }

  #forgetOldest(): void {
    let oldest: { key: string; at: number } | undefined
    for (const [key, { lastAt }] of this.#byKey)
      if (oldest === undefined || lastAt < oldest.at) oldest = { key, at: lastAt }
    if (oldest === undefined) return
    this.#byKey.delete(oldest.key)
    this.#forgotten += 1
  }
}

import * as z from 'zod'
import type { Closed, Settlement } from '../../contract/entry.ts'
import type { Decided, Judgement } from '../../contract/escalation.ts'
import type { Tier } from '../../contract/tier.ts'

/** Kinds of traffic that are counted; what comes beyond is counted under one name. */
const SEGMENTS_MAX = 512
const OTHERS = 'others'

const count = z.number().int().min(0)
const sumsSchema = z.strictObject({
  /** All requests between two tiers; of these, the ones that the prompt alone sent to one of them. */
  calls: count,
  straightUp: count.default(0),
  straightDown: count.default(0),
  /** The others were judged, and of these: that went up, that the judgement would send up, that were declined. */
  escalated: count,
  wouldEscalate: count,
  declined: count,
  /** Micro-dollars of all, and of those that went up. */
  costMicros: z.number().min(0),
  escalatedMicros: z.number().min(0),
  /** Tokens in and out, by the tier that made them. */
  tokens: z.strictObject({ fast: count, mid: count, expert: count }),
})
export type Sums = z.infer<typeof sumsSchema>

export const tallyStateSchema = z.record(z.string(), sumsSchema)

/** How often each kind of traffic went up, and what it cost. */
export class Tallies {
  readonly #bySegment = new Map<string, Sums>()

  constructor(state: z.infer<typeof tallyStateSchema> = {}) {
    for (const [segment, sums] of Object.entries(state)) {
      this.#bySegment.set(segment, { ...sums, tokens: { ...sums.tokens } })
    }
  }

  add(closed: Pick<Closed, 'costMicros'>, { segment, action, done }: Judgement): void {
    const sums = this.#of(segment)
    const micros = closed.costMicros ?? 0
    sums.calls += 1
    sums.costMicros += micros
    if (done === 'escalate') {
      sums.escalated += 1
      sums.escalatedMicros += micros
    }
    if (action === 'escalate') sums.wouldEscalate += 1
    if (done === 'abstain') sums.declined += 1
  }

  /** One that was decided before any answer. */
  decided(
    { costMicros = 0 }: Pick<Closed, 'costMicros'>,
    { segment, to }: Pick<Decided, 'segment' | 'to'>,
  ): void {
    const sums = this.#of(segment)
    sums.calls += 1
    sums.costMicros += costMicros
    if (to === 'strong') sums.straightUp += 1
    else sums.straightDown += 1
  }

  settled(segment: string, { tier, usage }: Pick<Settlement, 'tier' | 'usage'>): void {
    if (usage !== undefined) this.#of(segment).tokens[tier] += usage.promptTokens + usage.completionTokens
  }

  /** In the order of their first requests. */
  get all(): readonly (readonly [string, Readonly<Sums>])[] {
    return [...this.#bySegment]
  }

  state(): z.infer<typeof tallyStateSchema> {
    return Object.fromEntries(
      this.all.map(([segment, sums]) => [segment, { ...sums, tokens: { ...sums.tokens } }]),
    )
  }

  #of(segment: string): Sums {
    const known = this.#bySegment.get(segment)
    if (known !== undefined) return known
    const name = this.#bySegment.size >= SEGMENTS_MAX ? OTHERS : segment
    const sums = this.#bySegment.get(name) ?? nothing()
    this.#bySegment.set(name, sums)
    return sums
  }
}

const NO_TOKENS: Readonly<Record<Tier, number>> = { fast: 0, mid: 0, expert: 0 }

function nothing(): Sums {
  return {
    calls: 0,
    straightUp: 0,
    straightDown: 0,
    escalated: 0,
    wouldEscalate: 0,
    declined: 0,
    costMicros: 0,
    escalatedMicros: 0,
    tokens: { ...NO_TOKENS },
  }
}

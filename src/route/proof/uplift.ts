import * as z from 'zod'
import { type Arm, netValue, type Outcome, type Seen, type Terms } from './outcome.ts'
import { ConfidenceSequence, type Interval, type Range, sequenceStateSchema } from './sequence.ts'

const count = z.number().int().min(0)
const armStateSchema = z
  .strictObject({ seen: count, quality: z.number().min(0), costMicros: z.number().min(0) })
  .readonly()

export const upliftStateSchema = z
  .strictObject({
    paired: count,
    single: count,
    /** Pairs of one quality, and pairs of which the cheap arm was the better. */
    wasted: count,
    harmful: count,
    /** Costs above the terms' bound, which were counted as the bound. */
    clipped: count,
    /** Sums over what was seen of each arm. */
    cheap: armStateSchema,
    strong: armStateSchema,
    quality: sequenceStateSchema,
    cost: sequenceStateSchema,
    net: sequenceStateSchema,
  })
  .readonly()
export type UpliftState = z.infer<typeof upliftStateSchema>

export interface Measured extends Interval {
  /** Undefined before the first label. */
  readonly estimate: number | undefined
}

/** What escalation brought, per request; every interval holds at all times at once with a chance of 1 − alpha. */
export interface Estimate {
  readonly labels: number
  readonly paired: number
  /** Of the pairs: those where both arms did equally well or badly, and those where the strong one did worse. */
  readonly wasted: number
  readonly harmful: number
  readonly clipped: number
  /** Price × Δquality − Δcost, micro-dollars. It alone decides. */
  readonly netMicros: Measured
  /** Δquality, −1 to 1, and Δcost, micro-dollars: each at alpha/2, so that both hold together. */
  readonly quality: Measured
  readonly costMicros: Measured
  /** Δquality per dollar; its interval is what the two before allow, endless where Δcost may be nothing. */
  readonly qualityPerUsd: Measured
}

interface Metric {
  readonly sequence: ConfidenceSequence
  readonly value: (seen: Seen) => number
  readonly cheap: Range
  readonly strong: Range
}

interface Tally {
  seen: number
  quality: number
  costMicros: number
}

/** What a quality is taken for before any was seen. */
const UNSEEN_QUALITY = 0.5
const MICROS_PER_USD = 1_000_000

/**
 * What escalation brings under constant terms: Δquality, Δcost and net value, from paired and from single outcomes.
 *
 * DESIGN. A paired outcome is its difference. A single one is Horvitz–Thompson's: (v − v̂ₐ)/π with the sign of its arm,
 * plus v̂ₛ − v̂꜀, where v̂ is the mean that was seen of an arm before. It has the right mean whatever v̂ is (the difference
 * estimator; Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro 2024, "Anytime-valid off-policy inference"), and
 * spreads less than v/π. Its weight is what makes its largest step that of a pair, from the design alone, and the same
 * for all three figures, so that net value is exactly price × Δquality − Δcost.
 */
export class Uplift {
  readonly #metrics: { readonly quality: Metric; readonly cost: Metric; readonly net: Metric }
  readonly #arms: Readonly<Record<Arm, Tally>>
  readonly #bounds: Readonly<Record<Arm, number>>
  #paired = 0
  #single = 0
  #wasted = 0
  #harmful = 0
  #clipped = 0

  constructor(terms: Terms, state?: UpliftState) {
    // Costs of nothing still need a range with an inside.
    const bounds = { cheap: Math.max(1, terms.cheapMaxMicros), strong: Math.max(1, terms.strongMaxMicros) }
    const unit = { low: 0, high: 1 }
    const price = terms.priceMicros
    const metric = (value: (seen: Seen) => number, range: (arm: Arm) => Range, from?: UpliftState['net']) => {
      const [cheap, strong] = [range('cheap'), range('strong')]
      const paired = { low: strong.low - cheap.high, high: strong.high - cheap.low }
      return { sequence: new ConfidenceSequence(paired, from), value, cheap, strong }
    }
    this.#bounds = bounds
    this.#metrics = {
      quality: metric(
        (seen) => seen.quality,
        () => unit,
        state?.quality,
      ),
      cost: metric(
        (seen) => seen.costMicros,
        (arm) => ({ low: 0, high: bounds[arm] }),
        state?.cost,
      ),
      net: metric(
        (seen) => netValue(seen, price),
        (arm) => ({ low: -bounds[arm], high: price }),
        state?.net,
      ),
    }
    this.#arms = { cheap: { ...(state?.cheap ?? NOTHING) }, strong: { ...(state?.strong ?? NOTHING) } }
    this.#paired = state?.paired ?? 0
    this.#single = state?.single ?? 0
    this.#wasted = state?.wasted ?? 0
    this.#harmful = state?.harmful ?? 0
    this.#clipped = state?.clipped ?? 0
  }

  get labels(): number {
    return this.#paired + this.#single
  }

  /** The outcome is of these terms. */
  add(outcome: Outcome): void {
    if (outcome.design === 'paired') this.#addPaired(outcome)
    else this.#addSingle(outcome)
  }

  estimate(alpha: number): Estimate {
    const quality = measured(this.#metrics.quality.sequence, alpha / 2)
    const costMicros = measured(this.#metrics.cost.sequence, alpha / 2)
    return {
      labels: this.labels,
      paired: this.#paired,
      wasted: this.#wasted,
      harmful: this.#harmful,
      clipped: this.#clipped,
      netMicros: measured(this.#metrics.net.sequence, alpha),
      quality,
      costMicros,
      qualityPerUsd: ratio(quality, costMicros),
    }
  }

  state(): UpliftState {
    return {
      paired: this.#paired,
      single: this.#single,
      wasted: this.#wasted,
      harmful: this.#harmful,
      clipped: this.#clipped,
      cheap: { ...this.#arms.cheap },
      strong: { ...this.#arms.strong },
      quality: this.#metrics.quality.sequence.state(),
      cost: this.#metrics.cost.sequence.state(),
      net: this.#metrics.net.sequence.state(),
    }
  }

  #addPaired(outcome: Outcome & { readonly design: 'paired' }): void {
    const cheap = this.#clip('cheap', outcome.cheap)
    const strong = this.#clip('strong', outcome.strong)
    for (const { sequence, value } of this.#all()) sequence.add(value(strong) - value(cheap), 1)
    tally(this.#arms.cheap, cheap)
    tally(this.#arms.strong, strong)
    this.#paired += 1
    if (strong.quality === cheap.quality) this.#wasted += 1
    if (strong.quality < cheap.quality) this.#harmful += 1
  }

  #addSingle(outcome: Outcome & { readonly design: 'single' }): void {
    const { arm, propensity } = outcome
    const seen = this.#clip(arm, outcome.seen)
    const strongShare = arm === 'strong' ? propensity : 1 - propensity
    const centres = { cheap: centre(this.#arms.cheap), strong: centre(this.#arms.strong) }
    let weight = 1
    const terms = this.#all().map((metric) => {
      const at = { cheap: metric.value(centres.cheap), strong: metric.value(centres.strong) }
      const between = at.strong - at.cheap
      weight = Math.min(weight, metric.sequence.weightOf(spread(metric, at, strongShare)))
      const beyond = (metric.value(seen) - at[arm]) / propensity
      return between + (arm === 'strong' ? beyond : -beyond)
    })
    this.#all().forEach(({ sequence }, index) => {
      sequence.add(terms[index] ?? 0, weight)
    })
    tally(this.#arms[arm], seen)
    this.#single += 1
  }

  #all(): readonly Metric[] {
    return [this.#metrics.quality, this.#metrics.cost, this.#metrics.net]
  }

  #clip(arm: Arm, seen: Seen): Seen {
    if (seen.costMicros <= this.#bounds[arm]) return seen
    this.#clipped += 1
    return { quality: seen.quality, costMicros: this.#bounds[arm] }
  }
}

const NOTHING: Tally = Object.freeze({ seen: 0, quality: 0, costMicros: 0 })

function tally(arm: Tally, seen: Seen): void {
  arm.seen += 1
  arm.quality += seen.quality
  arm.costMicros += seen.costMicros
}

function centre({ seen, quality, costMicros }: Tally): Seen {
  return seen === 0
    ? { quality: UNSEEN_QUALITY, costMicros: 0 }
    : { quality: quality / seen, costMicros: costMicros / seen }
}

/** What a single outcome's term can be, whichever arm the lot gave it. */
function spread(metric: Metric, at: Readonly<Record<Arm, number>>, strongShare: number): Range {
  const between = at.strong - at.cheap
  const cheapShare = 1 - strongShare
  const fall = Math.max(
    (at.strong - metric.strong.low) / strongShare,
    (metric.cheap.high - at.cheap) / cheapShare,
  )
  const rise = Math.max(
    (metric.strong.high - at.strong) / strongShare,
    (at.cheap - metric.cheap.low) / cheapShare,
  )
  return { low: between - fall, high: between + rise }
}

function measured(sequence: ConfidenceSequence, alpha: number): Measured {
  return { estimate: sequence.mean, ...sequence.interval(alpha) }
}

/** Every quotient that the two intervals allow: both hold together, and so does this one. */
function ratio(quality: Measured, costMicros: Measured): Measured {
  const usd = (micros: number): number => micros / MICROS_PER_USD
  const known = quality.estimate !== undefined && costMicros.estimate !== undefined && costMicros.estimate > 0
  const estimate =
    known && quality.estimate !== undefined ? quality.estimate / usd(costMicros.estimate ?? 1) : undefined
  if (costMicros.low <= 0) return { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  const corners = [quality.low, quality.high].flatMap((one) => [
    one / usd(costMicros.low),
    one / usd(costMicros.high),
  ])
  return { estimate, low: Math.min(...corners), high: Math.max(...corners) }
}

import { DAY_MS } from '../../src/lib/utc.ts'
import type { Outcome, Terms } from '../../src/route/proof/outcome.ts'
import { PROOF_RULES, type ProofRules, type ProofState } from '../../src/route/proof/segment.ts'
import { Segments } from '../../src/route/proof/segments.ts'
import { seeded } from './asking.ts'

/**
 * Segments whose gain is known, because it is made here: requests come, are drawn as the segment's own decision says,
 * and are labelled. After each label every interval is compared with the truth.
 */
export interface World {
  readonly name: string
  readonly requestsPerDay: number
  /** The strong arm's share of single runs; undefined: both arms are run. */
  readonly strongShare?: number
  /** What holds on a day of the trial. */
  gains(day: number): Gains
}

/** Chances of the four outcomes of a pair, the rest being wrong twice, and mean costs in micro-dollars. */
export interface Gains {
  readonly bothRight: number
  readonly onlyStrong: number
  readonly onlyCheap: number
  readonly cheapMicros: number
  readonly strongMicros: number
}

export interface Run {
  readonly labels: number
  readonly epochs: number
  readonly state: ProofState
  /** At every time of the run: net value; Δquality, Δcost and yield together. */
  readonly netCovered: boolean
  readonly partsCovered: boolean
  /** Labels and days until the first verdict of each kind; undefined: never. */
  readonly pays: Moment | undefined
  readonly off: Moment | undefined
}

export interface Moment {
  readonly labels: number
  readonly day: number
}

export const TRIAL_DAYS = 90
export const TURN_DAY = 40
/** A right answer in place of a wrong one is worth two cents. */
export const PRICE_MICROS = 20_000
const BEGIN_MS = Date.UTC(2026, 0, 1)
const MICROS_PER_USD = 1_000_000
/** A cost is even between this share of its mean, and so much above it. */
const COST_SPREAD = 0.5
const TERMS: Terms = {
  models: 'cheap@1 strong@1',
  priceMicros: PRICE_MICROS,
  cheapMaxMicros: 500,
  strongMaxMicros: 30_000,
}

const PAYING: Gains = {
  bothRight: 0.6,
  onlyStrong: 0.25,
  onlyCheap: 0.05,
  cheapMicros: 60,
  strongMicros: 1_260,
}
const LOSING: Gains = {
  bothRight: 0.7,
  onlyStrong: 0.09,
  onlyCheap: 0.07,
  cheapMicros: 60,
  strongMicros: 5_060,
}
const ZERO: Gains = { bothRight: 0.6, onlyStrong: 0.2, onlyCheap: 0.1, cheapMicros: 60, strongMicros: 2_060 }
const LITTLE: Gains = {
  bothRight: 0.7,
  onlyStrong: 0.12,
  onlyCheap: 0.06,
  cheapMicros: 60,
  strongMicros: 700,
}

export const WORLDS: readonly World[] = [
  { name: 'paying', requestsPerDay: 1_000, gains: () => PAYING },
  { name: 'paying, single runs at 30 %', requestsPerDay: 1_000, strongShare: 0.3, gains: () => PAYING },
  { name: 'losing', requestsPerDay: 1_000, gains: () => LOSING },
  { name: 'zero', requestsPerDay: 300, gains: () => ZERO },
  { name: 'rare', requestsPerDay: 3, gains: () => LITTLE },
  { name: 'drifting', requestsPerDay: 1_000, gains: (day) => (day < TURN_DAY ? PAYING : LOSING) },
]

/** Δquality, Δcost and net value of a request, as they truly are. */
export function truthOf(gains: Gains): { quality: number; costMicros: number; netMicros: number } {
  const quality = gains.onlyStrong - gains.onlyCheap
  const costMicros = gains.strongMicros - gains.cheapMicros
  return { quality, costMicros, netMicros: PRICE_MICROS * quality - costMicros }
}

/** One run of one segment over TRIAL_DAYS. */
export function runWorld(world: World, seed: number, rules: ProofRules = PROOF_RULES): Run {
  const random = seeded(seed)
  const segments = new Segments(rules)
  const truth = new RunningTruth()
  const watched = { net: true, parts: true, labels: 0 }
  const first: { pays?: Moment; 'does-not-pay'?: Moment } = {}
  const free = { optedOut: false, withinResidency: true, room: true } as const
  let [day, state, epochs]: [number, ProofState, number] = [0, 'unknown', 1]
  for (;;) {
    const { explore } = segments.decide(world.name, BEGIN_MS + day * DAY_MS, free)
    // Requests until the next one that is drawn: geometric.
    const requests = 1 + Math.floor(Math.log1p(-random()) / Math.log1p(-explore))
    day += requests / world.requestsPerDay
    if (day >= TRIAL_DAYS) break
    const gains = world.gains(day)
    const at = BEGIN_MS + day * DAY_MS
    segments.add(draw(world, gains, at, explore, random))
    watched.labels += 1
    const [report] = segments.report(at)
    if (report === undefined) throw new Error('the segment is not there')
    truth.add(report.epoch, gains)
    const { quality, costMicros, netMicros } = truth.mean()
    const yielded = quality / (costMicros / MICROS_PER_USD)
    watched.net &&= within(report.netMicros, netMicros)
    watched.parts &&=
      within(report.quality, quality) &&
      within(report.costMicros, costMicros) &&
      within(report.qualityPerUsd, yielded)
    state = report.state
    epochs = report.epoch
    if (state !== 'unknown') first[state] ??= { labels: watched.labels, day }
  }
  const { pays, 'does-not-pay': off } = first
  return {
    labels: watched.labels,
    epochs,
    state,
    netCovered: watched.net,
    partsCovered: watched.parts,
    pays,
    off,
  }
}

/** The mean of what truly held at the labels of an epoch: what an interval is for, also where the truth drifts. */
class RunningTruth {
  #epoch = 0
  #labels = 0
  #quality = 0
  #costMicros = 0

  add(epoch: number, gains: Gains): void {
    if (epoch !== this.#epoch) [this.#epoch, this.#labels, this.#quality, this.#costMicros] = [epoch, 0, 0, 0]
    const { quality, costMicros } = truthOf(gains)
    this.#labels += 1
    this.#quality += quality
    this.#costMicros += costMicros
  }

  mean(): { quality: number; costMicros: number; netMicros: number } {
    const quality = this.#quality / this.#labels
    const costMicros = this.#costMicros / this.#labels
    return { quality, costMicros, netMicros: PRICE_MICROS * quality - costMicros }
  }
}

/** Sums of floats differ in their last places. */
function within({ low, high }: { low: number; high: number }, truth: number): boolean {
  const slack = 1e-9 * Math.max(1, Math.abs(truth))
  return truth >= low - slack && truth <= high + slack
}

function draw(world: World, gains: Gains, at: number, drawn: number, random: () => number): Outcome {
  const lot = random()
  const strongOnly = gains.bothRight + gains.onlyStrong
  const cheapRight = lot < gains.bothRight || (lot >= strongOnly && lot < strongOnly + gains.onlyCheap)
  const cost = (mean: number): number => mean * (1 - COST_SPREAD + 2 * COST_SPREAD * random())
  const cheap = { quality: cheapRight ? 1 : 0, costMicros: cost(gains.cheapMicros) }
  const strong = { quality: lot < strongOnly ? 1 : 0, costMicros: cost(gains.strongMicros) }
  const common = { segment: world.name, assignedAt: at, terms: TERMS, drawn }
  if (world.strongShare === undefined) return { ...common, design: 'paired', cheap, strong }
  return random() < world.strongShare
    ? { ...common, design: 'single', arm: 'strong', propensity: world.strongShare, seen: strong }
    : { ...common, design: 'single', arm: 'cheap', propensity: 1 - world.strongShare, seen: cheap }
}

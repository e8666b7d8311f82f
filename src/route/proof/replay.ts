import { usdText } from '../usd.ts'
import { wealth } from './mixture.ts'
import { type Arm, netValue, type Outcome } from './outcome.ts'
import type { Interval } from './sequence.ts'

export const REPLAY_ROWS_MAX = 500_000
/** Places between the ends of the possible at which a limit is looked for, and the halvings within one. */
const PLACES = 256
const HALVINGS = 40

/** A logged request whose outcome is known. */
export interface ReplayRow {
  readonly id: string
  readonly outcome: Outcome
}

export interface ReplayRules {
  readonly alpha: number
  /** What a candidate may lose a request and still count as not worse, micro-dollars. */
  readonly marginMicros: number
}

export interface Comparison {
  readonly type: 'compared'
  readonly verdict: 'not-worse' | 'worse' | 'undecided'
  readonly rows: number
  /** Rows on which the two choose differently: all that was learned comes from them. */
  readonly differing: number
  /** Net value of the candidate less that of the live one, per request, micro-dollars. */
  readonly estimateMicros: number
  readonly intervalMicros: Interval
  readonly reason: string
}

export interface NotComparable {
  readonly type: 'refused'
  readonly why: string
}

interface Term {
  readonly weight: number
  readonly difference: number
  /** The largest that |difference| could have been. */
  readonly reach: number
}

/**
 * What a candidate would have been worth beside the live version, on requests that were drawn by lot: where both choose
 * the same, nothing differs; where not, a pair tells, or Horvitz–Thompson's term of the one arm that was seen. Each row
 * weighs 1/drawn, so that segments that were explored little count as much as their traffic does. The interval holds
 * however often the replay is made while the log grows, as long as the mean does not drift. It does not depend on the
 * order of the rows.
 */
export function replay<R extends ReplayRow>(
  candidate: (row: R) => Arm,
  live: (row: R) => Arm,
  rows: readonly R[],
  rules: ReplayRules,
): Comparison | NotComparable {
  const fault = faultOf(rows, rules)
  if (fault !== undefined) return { type: 'refused', why: fault }
  const lightest = rows.reduce((least, { outcome }) => Math.min(least, outcome.drawn), 1)
  let differing = 0
  const terms = rows.map((row) => {
    const [chosen, present] = [candidate(row), live(row)]
    if (chosen !== present) differing += 1
    return termOf(row.outcome, chosen, present, lightest)
  })
  const sums = new Sums(terms)
  const interval = differing === 0 ? { low: 0, high: 0 } : sums.interval(rules.alpha)
  const verdict =
    interval.low >= -rules.marginMicros ? 'not-worse' : interval.high < 0 ? 'worse' : 'undecided'
  return {
    type: 'compared',
    verdict,
    rows: rows.length,
    differing,
    estimateMicros: sums.mean,
    intervalMicros: interval,
    reason: words(verdict, sums.mean, interval, rows.length, differing, rules),
  }
}

function faultOf(rows: readonly ReplayRow[], rules: ReplayRules): string | undefined {
  if (!(rules.alpha > 0 && rules.alpha < 1)) return `alpha is ${rules.alpha}: it must lie between 0 and 1`
  if (!(rules.marginMicros >= 0))
    return `the margin is ${rules.marginMicros}: it must be 0 or more micro-dollars`
  if (rows.length === 0) return 'there is no labelled request to replay: explore first'
  if (rows.length > REPLAY_ROWS_MAX)
    return `${rows.length} rows are more than ${REPLAY_ROWS_MAX}: replay the newest of them`
  const seen = new Set<string>()
  for (const { id } of rows) {
    if (seen.has(id)) return `the request ${id} is there twice: a label counts once`
    seen.add(id)
  }
  return undefined
}

function termOf(outcome: Outcome, chosen: Arm, present: Arm, lightest: number): Term {
  const { priceMicros, cheapMaxMicros, strongMaxMicros } = outcome.terms
  const weight = lightest / outcome.drawn
  const sign = chosen === present ? 0 : chosen === 'strong' ? 1 : -1
  const value = (arm: Arm, seen: { quality: number; costMicros: number }): number => {
    const bound = arm === 'cheap' ? cheapMaxMicros : strongMaxMicros
    return netValue({ quality: seen.quality, costMicros: Math.min(seen.costMicros, bound) }, priceMicros)
  }
  const dearest = Math.max(cheapMaxMicros, strongMaxMicros)
  if (outcome.design === 'paired') {
    const difference = sign * (value('strong', outcome.strong) - value('cheap', outcome.cheap))
    return { weight, difference, reach: priceMicros + dearest }
  }
  const { arm, propensity, seen } = outcome
  // Any number that is known beforehand may be taken off both arms: the middle of what quality is worth halves the reach.
  const middle = priceMicros / 2
  const term = (value(arm, seen) - middle) / propensity
  const reach = (middle + dearest) / Math.min(propensity, 1 - propensity)
  return { weight, difference: sign * (arm === 'strong' ? term : -term), reach }
}

/**
 * DESIGN. Σw(d − m) of the true mean m is a martingale, whatever w is, as long as w is 1/drawn: the same supermartingales
 * as in mixture.ts, with m itself as the predictor. A limit is the last m, from the end of the possible inwards, that
 * the data refute.
 */
class Sums {
  readonly mean: number
  readonly #reach: number
  /** The largest step that w(d − m) can take, for any m within reach. */
  readonly #step: number
  #w = 0
  #wd = 0
  #ww = 0
  #wwd = 0
  #wwdd = 0

  constructor(terms: readonly Term[]) {
    let [reach, step] = [0, 0]
    for (const term of terms) reach = Math.max(reach, term.reach)
    for (const { weight, difference, reach: own } of terms) {
      step = Math.max(step, weight * (own + reach))
      this.#w += weight
      this.#wd += weight * difference
      this.#ww += weight * weight
      this.#wwd += weight * weight * difference
      this.#wwdd += weight * weight * difference * difference
    }
    this.#reach = reach
    this.#step = step
    this.mean = this.#wd / this.#w
  }

  interval(alpha: number): Interval {
    return { low: this.#limit(-1, alpha / 2), high: this.#limit(1, alpha / 2) }
  }

  /** From the end on the given side inwards. */
  #limit(side: -1 | 1, alpha: number): number {
    const end = side * this.#reach
    const at = (place: number): number => end + ((this.mean - end) * place) / PLACES
    let place = 0
    while (place < PLACES && this.#refuted(at(place), side, alpha)) place += 1
    if (place === 0) return end
    let [refuted, standing] = [at(place - 1), at(place)]
    for (let halving = 0; halving < HALVINGS; halving++) {
      const middle = (refuted + standing) / 2
      if (this.#refuted(middle, side, alpha)) refuted = middle
      else standing = middle
    }
    return refuted
  }

  #refuted(mean: number, side: -1 | 1, alpha: number): boolean {
    const stray = (-side * (this.#wd - mean * this.#w)) / this.#step
    const squares = this.#wwdd - 2 * mean * this.#wwd + mean * mean * this.#ww
    return wealth(stray, Math.max(0, squares) / this.#step ** 2).log >= -Math.log(alpha)
  }
}

function words(
  verdict: Comparison['verdict'],
  mean: number,
  { low, high }: Interval,
  rows: number,
  differing: number,
  { marginMicros }: ReplayRules,
): string {
  if (differing === 0) return `it chooses as the live version does on all ${rows} requests`
  const measured =
    `${usdText(mean)} a request beside the live version (${usdText(low)} to ${usdText(high)}; ` +
    `${rows} requests, ${differing} of them chosen differently)`
  const margin = `a loss of ${usdText(marginMicros)}`
  switch (verdict) {
    case 'not-worse':
      return `${measured}: not worse, up to ${margin}`
    case 'worse':
      return `${measured}: worse`
    case 'undecided':
      return `${measured}: ${margin} is not ruled out; more labels are needed`
  }
}

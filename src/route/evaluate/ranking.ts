/** Points of the curve between none and all to the strong model, as RouteLLM has it (Ong et al. 2024, arXiv 2406.18665). */
const THRESHOLDS = 10

/** Two models' shares of right answers per row. */
export interface Outcomes {
  readonly weak: Float64Array
  readonly strong: Float64Array
}

/** Quality by the share of rows that go to the strong model, both in [0, 1], both ends included. */
export interface Curve {
  readonly shares: Float64Array
  readonly qualities: Float64Array
}

/**
 * Rows by falling score. Rows of equal score go to the strong model together, so that no order of the file decides:
 * between the ends of such a group the curve is a straight line, what tossing a coin among them gives on average.
 */
export class Ranking {
  readonly order: Uint32Array
  /** Behind the last row of each group of equal scores. */
  readonly ends: Uint32Array

  constructor(scores: Float64Array) {
    this.order = Uint32Array.from(scores.keys()).sort(
      (left, right) => (scores[right] ?? 0) - (scores[left] ?? 0),
    )
    const ends: number[] = []
    for (let at = 1; at <= this.order.length; at++) {
      const [here, next] = [scores[this.order[at - 1] ?? 0], scores[this.order[at] ?? 0]]
      if (at === this.order.length || here !== next) ends.push(at)
    }
    this.ends = Uint32Array.from(ends)
  }

  /** `weights`: how often each row counts, once where absent. */
  curve({ weak, strong }: Outcomes, weights?: Float64Array): Curve {
    let [total, quality] = [0, 0]
    for (let row = 0; row < weak.length; row++) {
      const weight = weights?.[row] ?? 1
      total += weight
      quality += weight * (weak[row] ?? 0)
    }
    const shares = new Float64Array(this.ends.length + 1)
    const qualities = new Float64Array(this.ends.length + 1)
    qualities[0] = quality / total
    let [taken, at] = [0, 0]
    for (let group = 0; group < this.ends.length; group++) {
      for (; at < (this.ends[group] ?? 0); at++) {
        const row = this.order[at] ?? 0
        const weight = weights?.[row] ?? 1
        taken += weight
        quality += weight * ((strong[row] ?? 0) - (weak[row] ?? 0))
      }
      shares[group + 1] = taken / total
      qualities[group + 1] = quality / total
    }
    return { shares, qualities }
  }
}

/** The curve's quality at a share, linear between its points. */
function qualityAt({ shares, qualities }: Curve, share: number): number {
  let [low, high] = [0, shares.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((shares[middle] ?? 0) < share) low = middle
    else high = middle
  }
  const span = (shares[high] ?? 0) - (shares[low] ?? 0)
  const part = span > 0 ? (share - (shares[low] ?? 0)) / span : 1
  return (qualities[low] ?? 0) + part * ((qualities[high] ?? 0) - (qualities[low] ?? 0))
}

/**
 * APGR: the mean share of the gap between weak and strong that is recovered, by the trapezoid over 11 shares of calls
 * to the strong model. 0.5 is a coin; above 1 where some calls are better left to the weak model. Undefined where the
 * strong model is not better: there is no gap.
 */
export function apgr(curve: Curve): number | undefined {
  const { weak, gap } = gapOf(curve)
  if (gap <= 0) return undefined
  let sum = 0
  for (let at = 0; at <= THRESHOLDS; at++) {
    const edge = at === 0 || at === THRESHOLDS ? 0.5 : 1
    sum += (edge * qualityAt(curve, at / THRESHOLDS)) / THRESHOLDS
  }
  return (sum - weak) / gap
}

/** CPT: the least share of calls to the strong model, in percent, that recovers `part` of the gap. */
export function callsFor(curve: Curve, part: number): number | undefined {
  const { weak, gap } = gapOf(curve)
  if (gap <= 0) return undefined
  const wanted = weak + part * gap
  const { shares, qualities } = curve
  for (let at = 1; at < shares.length; at++) {
    const quality = qualities[at] ?? 0
    if (quality < wanted) continue
    const [before, from] = [qualities[at - 1] ?? 0, shares[at - 1] ?? 0]
    const step = quality > before ? (wanted - before) / (quality - before) : 1
    return 100 * (from + Math.max(0, step) * ((shares[at] ?? 0) - from))
  }
  return 100
}

function gapOf({ qualities }: Curve): { weak: number; gap: number } {
  const weak = qualities[0] ?? 0
  const gap = (qualities.at(-1) ?? 0) - weak
  // Sums in another order differ in the last bits; a gap of that size is none.
  return { weak, gap: gap > 1e-9 ? gap : 0 }
}

/** Quality by money, both per row: cost ascending. */
export interface CostPoint {
  readonly cost: number
  readonly quality: number
}

/**
 * AIQ: the area under the non-decreasing upper hull of (cost, quality), flat up to `most`, over `most` (Hu et al. 2024,
 * arXiv 2403.12031). What costs less than the cheapest point counts as quality 0: nothing answers for that.
 */
export function areaOverCost(points: readonly CostPoint[], most: number): number {
  const hull = upperHull(points)
  let area = 0
  for (const [at, point] of hull.entries()) {
    const next = hull[at + 1] ?? { cost: Math.max(most, point.cost), quality: point.quality }
    area += ((next.cost - point.cost) * (point.quality + next.quality)) / 2
  }
  return most > 0 ? area / most : 0
}

function upperHull(points: readonly CostPoint[]): readonly CostPoint[] {
  const sorted = points.toSorted((left, right) => left.cost - right.cost || right.quality - left.quality)
  const hull: CostPoint[] = []
  for (const point of sorted) {
    const best = hull.at(-1)
    if (best !== undefined && point.quality <= best.quality) continue
    for (;;) {
      const [middle, first] = [hull.at(-1), hull.at(-2)]
      if (middle === undefined || first === undefined) break
      const straight =
        (middle.quality - first.quality) * (point.cost - first.cost) >
        (point.quality - first.quality) * (middle.cost - first.cost)
      if (straight) break
      hull.pop()
    }
    hull.push(point)
  }
  return hull
}

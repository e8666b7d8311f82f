import type { Case } from './pair.ts'
import { areaOverCost, type CostPoint, Ranking } from './ranking.ts'

/**
 * How rows are paid for. `cascade`: the weak and the second model answer everything, and the strong one what is
 * escalated. `before`: each row is sent once, as a decision from the prompt alone allows.
 */
export type Paying = 'cascade' | 'before'

/** Where on the curve the strong model's accuracy is first reached, at the least cost. Chosen on the measured rows. */
export interface Money {
  readonly quality: number
  readonly strongShare: number
  /** Cost of all rows over that of the strong model alone. */
  readonly costShare: number
}

/** What a threshold gave that was chosen on the training rows: nothing of the measured rows was looked at. */
export interface Operating {
  readonly quality: number
  readonly strongShare: number
  readonly costShare: number | null
  /** Of the escalations: both models equally right, and the strong one less right than the weak one. */
  readonly wasted: number
  readonly harmful: number
}

/** USD and quality per row. */
export interface Point extends CostPoint {
  readonly strongShare: number
}

/** Undefined where a price or count is not known. */
export interface Costs {
  readonly aiq: number
  readonly atStrong: Money
}

export function costsOf(cases: readonly Case[], ranking: Ranking, paying: Paying): Costs | undefined {
  const points = pointsOf(cases, ranking, paying)
  const alone = strongAlone(cases)
  if (points === undefined || alone === undefined || alone === 0) return undefined
  const target = mean(cases, ({ example }) => example.strong)
  const reached = points.filter(({ quality }) => quality >= target - 1e-9)
  const best = reached.reduce((least, point) => (point.cost < least.cost ? point : least))
  const { quality, strongShare, cost } = best
  return {
    aiq: areaOverCost(points, Math.max(alone, dearest(cases))),
    atStrong: { quality, strongShare, costShare: cost / alone },
  }
}

/** The strong model's cost per row, alone on all rows. */
export function strongAlone(cases: readonly Case[]): number | undefined {
  const usd = sum(cases, ({ strongUsd }) => strongUsd)
  return usd === undefined ? undefined : usd / cases.length
}

/** Cost and quality as more rows go to the strong model; undefined where a cost is not known. */
export function pointsOf(
  cases: readonly Case[],
  ranking: Ranking,
  paying: Paying,
): readonly Point[] | undefined {
  const start = sum(cases, (one) => cheapOf(one, paying))
  if (start === undefined || strongAlone(cases) === undefined) return undefined
  const n = cases.length
  let [cost, quality, at] = [start, n * mean(cases, ({ example }) => example.weak), 0]
  const points: Point[] = [{ cost: cost / n, quality: quality / n, strongShare: 0 }]
  for (const end of ranking.ends) {
    for (; at < end; at++) {
      const one = cases[ranking.order[at] ?? 0]
      if (one === undefined) continue
      cost += moreOf(one, paying) ?? 0
      quality += one.example.strong - one.example.weak
    }
    points.push({ cost: cost / n, quality: quality / n, strongShare: end / n })
  }
  return points
}

/** The lowest score that is escalated so that the training rows do as well as with the strong model alone. */
export function thresholdOf(train: readonly Case[], scores: Float64Array): number {
  const target = train.length * mean(train, ({ example }) => example.strong)
  let quality = train.length * mean(train, ({ example }) => example.weak)
  if (quality >= target) return Number.POSITIVE_INFINITY
  const { order, ends } = new Ranking(scores)
  let at = 0
  for (const end of ends) {
    for (; at < end; at++) {
      const example = train[order[at] ?? 0]?.example
      if (example !== undefined) quality += example.strong - example.weak
    }
    if (quality >= target - 1e-9) return scores[order[end - 1] ?? 0] ?? 0
  }
  return Number.NEGATIVE_INFINITY
}

export function operatingOf(tested: readonly { one: Case; escalated: boolean }[], paying: Paying): Operating {
  const up = tested.filter(({ escalated }) => escalated).map(({ one }) => one)
  const cases = tested.map(({ one }) => one)
  const start = sum(cases, (one) => cheapOf(one, paying))
  const more = sum(up, (one) => moreOf(one, paying))
  const alone = strongAlone(cases)
  const known = start !== undefined && more !== undefined && alone !== undefined && alone > 0
  const share = (of: (one: Case) => boolean): number =>
    up.length === 0 ? 0 : up.filter(of).length / up.length
  return {
    quality: mean(tested, ({ one, escalated }) => (escalated ? one.example.strong : one.example.weak)),
    strongShare: up.length / tested.length,
    costShare: known ? (start + more) / cases.length / alone : null,
    wasted: share(({ example }) => example.strong === example.weak),
    harmful: share(({ example }) => example.strong < example.weak),
  }
}

/** The most that any way to route may cost per row: all three models on everything. Shared, so that areas compare. */
function dearest(cases: readonly Case[]): number {
  const usd = sum(cases, (one) => added(cheapOf(one, 'cascade'), one.strongUsd))
  return (usd ?? 0) / cases.length
}

/** Of a row that stays with the weak model. */
function cheapOf({ weakUsd, secondUsd }: Case, paying: Paying): number | undefined {
  return paying === 'cascade' ? added(weakUsd, secondUsd) : weakUsd
}

/** What a row costs more where it goes to the strong model. */
function moreOf({ weakUsd, strongUsd }: Case, paying: Paying): number | undefined {
  if (paying === 'cascade' || weakUsd === undefined) return strongUsd
  return added(strongUsd, -weakUsd)
}

function added(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left + right
}

function mean<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0) / Math.max(1, items.length)
}

/** Undefined where one part is. */
function sum<Item>(items: readonly Item[], of: (item: Item) => number | undefined): number | undefined {
  let total = 0
  for (const item of items) {
    const part = of(item)
    if (part === undefined) return undefined
    total += part
  }
  return total
}

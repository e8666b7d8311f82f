import type { Limits } from '../../contract/budget.ts'
import { DAY_MS, dayOf, monthBeginsAt, monthOf } from '../../lib/utc.ts'

/** What a key has spent, micro-dollars. */
export interface Spent {
  readonly todayMicros: number
  readonly monthMicros: number
}

/**
 * What a dollar of quality is worth to a key with a budget, by what it would be worth without one: less where more of
 * the budget is gone than of its time, 0 where all of it is gone, never more than 1.
 */
export function thriftOf({ microsPerDay, microsPerMonth }: Limits, spent: Spent, nowMs: number): number {
  const month = monthOf(dayOf(nowMs))
  const [begin, end] = [monthBeginsAt(month), monthBeginsAt(month + 1)]
  const dayLeft = 1 - (nowMs % DAY_MS) / DAY_MS
  const monthLeft = (end - nowMs) / (end - begin)
  return Math.min(
    pace(spent.todayMicros, microsPerDay, dayLeft),
    pace(spent.monthMicros, microsPerMonth, monthLeft),
  )
}

function pace(spentMicros: number, budgetMicros: number | undefined, timeLeft: number): number {
  if (budgetMicros === undefined) return 1
  const moneyLeft = Math.max(0, 1 - spentMicros / Math.max(1, budgetMicros))
  return Math.min(1, moneyLeft / Math.max(timeLeft, Number.EPSILON))
}

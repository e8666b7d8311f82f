import { Chance } from '../learn/chance.ts'
import { apgr, type Outcomes, type Ranking } from './ranking.ts'

export const RESAMPLES = 1_000
const SEED = 4_711
const TAIL = 0.025

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Intervals at 95 %: of the router's APGR, and of its difference to the baseline on the same rows. */
export interface Intervals {
  readonly own: Interval | null
  readonly difference: Interval | null
}

/**
 * Paired bootstrap over prompts (Efron 1979): each resample draws prompts with all their rows, and both rankings are
 * measured on it. The scores stay as they are, so this is the spread of the test rows, not of training. Resamples
 * without a gap between the models have no APGR and are left out; null where more than a tenth are.
 */
export function resampled(
  ranking: Ranking,
  baseline: Ranking,
  outcomes: Outcomes,
  prompts: Uint32Array,
): Intervals {
  const chance = new Chance(SEED)
  const number = prompts.reduce((most, prompt) => Math.max(most, prompt + 1), 0)
  const own: number[] = []
  const difference: number[] = []
  for (let round = 0; round < RESAMPLES; round++) {
    const drawn = new Float64Array(number)
    for (let draw = 0; draw < number; draw++) {
      const prompt = chance.below(number)
      drawn[prompt] = (drawn[prompt] ?? 0) + 1
    }
    const weights = Float64Array.from(prompts, (prompt) => drawn[prompt] ?? 0)
    const reached = apgr(ranking.curve(outcomes, weights))
    const other = baseline === ranking ? reached : apgr(baseline.curve(outcomes, weights))
    if (reached === undefined || other === undefined) continue
    own.push(reached)
    difference.push(reached - other)
  }
  return { own: middleOf(own), difference: middleOf(difference) }
}

function middleOf(values: number[]): Interval | null {
  if (values.length < 0.9 * RESAMPLES) return null
  values.sort((left, right) => left - right)
  const at = (share: number): number => values[Math.round(share * (values.length - 1))] ?? 0
  return { low: at(TAIL), high: at(1 - TAIL) }
}

import { type Run, TRIAL_DAYS, TURN_DAY, truthOf, type World } from './uplift-world.ts'

/** What a trial of escalation's proof must show. */
export const COVERED_SHARE = 0.93
export const PAYING_KEPT_SHARE = 0.95
/** Labels within which a losing segment is off, in OFF_SHARE of the runs. */
export const OFF_WITHIN_LABELS = 150
export const OFF_SHARE = 0.95
/** Days after which a segment that has begun to lose, unannounced, is off, in OFF_SHARE of the runs. */
export const TURNED_WITHIN_DAYS = 35

export interface Spread {
  /** Of all runs. */
  readonly share: number
  readonly median: number | undefined
  readonly p95: number | undefined
}

export interface Summary {
  readonly world: string
  /** Of the first day, micro-dollars a request. */
  readonly trueNetMicros: number
  readonly runs: number
  readonly medianLabels: number | undefined
  readonly netCovered: number
  readonly partsCovered: number
  /** Labels until the first verdict of each kind. */
  readonly pays: Spread
  readonly off: Spread
  /** Where the truth turns: days from the turn until it is off. */
  readonly offAfterTurn?: Spread
  /** What was missed; none: the trial holds. */
  readonly missed: readonly string[]
}

export function summarise(world: World, runs: readonly Run[]): Summary {
  const share = (has: (run: Run) => boolean): number => runs.filter(has).length / Math.max(1, runs.length)
  const spread = (value: (run: Run) => number | undefined): Spread => {
    const found = runs.flatMap((run) => value(run) ?? []).sort((a, b) => a - b)
    return {
      share: found.length / Math.max(1, runs.length),
      median: quantile(found, 0.5),
      p95: quantile(found, 0.95),
    }
  }
  const turns = world.gains(0) !== world.gains(TRIAL_DAYS)
  const summary = {
    world: world.name,
    trueNetMicros: Math.round(truthOf(world.gains(0)).netMicros),
    runs: runs.length,
    medianLabels: spread((run) => run.labels).median,
    netCovered: share((run) => run.netCovered),
    partsCovered: share((run) => run.partsCovered),
    pays: spread((run) => run.pays?.labels),
    off: spread((run) => run.off?.labels),
    ...(turns ? { offAfterTurn: spread((run) => (run.off ? run.off.day - TURN_DAY : undefined)) } : {}),
  }
  const early = share((run) => run.off !== undefined && run.off.labels <= OFF_WITHIN_LABELS)
  const turned = share((run) => {
    const days = run.off === undefined ? -1 : run.off.day - TURN_DAY
    return days >= 0 && days <= TURNED_WITHIN_DAYS
  })
  return { ...summary, missed: missed(summary, early, turned) }
}

/** `early`: off within OFF_WITHIN_LABELS; `turned`: off after the turn and within TURNED_WITHIN_DAYS; shares of runs. */
function missed(summary: Omit<Summary, 'missed'>, early: number, turned: number): readonly string[] {
  const { trueNetMicros, netCovered, partsCovered, pays, off, offAfterTurn } = summary
  const faults: string[] = []
  const gate = (held: boolean, what: string): void => {
    if (!held) faults.push(what)
  }
  const least = (share: number, floor: number, what: string): void =>
    gate(share >= floor, `${what} in ${percent(share)} of runs, must be ${percent(floor)}`)
  gate(summary.runs > 0, 'no run was made')
  least(netCovered, COVERED_SHARE, 'net value is covered at all times')
  least(partsCovered, COVERED_SHARE, 'quality, cost and yield are covered at all times')
  if (offAfterTurn !== undefined) {
    least(turned, OFF_SHARE, `off within ${TURNED_WITHIN_DAYS} days of the turn, and not before,`)
  } else if (trueNetMicros > 0) {
    least(1 - off.share, PAYING_KEPT_SHARE, 'a paying segment is never switched off')
  } else if (trueNetMicros < 0) {
    least(early, OFF_SHARE, `off within ${OFF_WITHIN_LABELS} labels`)
    least(1 - pays.share, PAYING_KEPT_SHARE, 'a losing segment is never said to pay')
  } else {
    least(1 - off.share - pays.share, PAYING_KEPT_SHARE, 'a segment without gain or loss has no verdict')
  }
  return faults
}

/** The least of the sorted values that so large a share of them does not exceed. */
function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

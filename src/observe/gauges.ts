import { Gauge, type Registry } from 'prom-client'

/** Reads, once at each scrape, the state of things that are not events. */
export interface Gauges {
  fleet(): FleetGauges
  record(): RecordGauges
  /** Keys that have a budget, or spent or reserved something this month. Only for who may see every key. */
  keys(): readonly KeyGauge[]
}

export interface FleetGauges {
  readonly replicas: readonly ReplicaGauge[]
  /** Requests that wait for a free replica. */
  readonly waiting: number
  readonly spend: readonly {
    readonly engine: string
    readonly spentMicros: number
    readonly capMicros: number
  }[]
}

export interface ReplicaGauge {
  readonly replica: string
  readonly up: boolean
  readonly inFlight: number
}

export interface RecordGauges {
  /** Entries in the log. */
  readonly entries: number
  /** Entries that the follower has not read yet. */
  readonly lagEntries: number
  readonly following: boolean
  /** Entries under the newest signed checkpoint; 0 until this process has heard of one. */
  readonly checkpointSize: number
}

/** Money in micro-dollars. An absent budget is no limit. */
export interface KeyGauge {
  readonly key: string
  readonly spentTodayMicros: number
  readonly spentThisMonthMicros: number
  readonly heldMicros: number
  /** Of this month: worst cases whose true cost nobody stated. */
  readonly unknownMicros: number
  /** Of this month: billed beyond the worst case. */
  readonly overshootMicros: number
  readonly dayBudgetMicros?: number
  readonly monthBudgetMicros?: number
}

type Labels = Readonly<Record<string, string>>
type Rows = readonly (readonly [Labels, number])[]

/** Gauges that are read at each scrape, so that a replica that has gone is gone from the text too. */
export function declareGauges(
  registry: Registry,
  read: () => { readonly fleet: FleetGauges; readonly record: RecordGauges },
): void {
  const fleet = (name: string, help: string, labels: readonly string[], rows: (of: FleetGauges) => Rows) =>
    declare(registry, name, help, labels, () => rows(read().fleet))
  const record = (name: string, help: string, value: (of: RecordGauges) => number) =>
    declare(registry, name, help, [], () => [[{}, value(read().record)]])
  fleet('upshift_replica_up', '1 where a replica takes requests.', ['replica'], ({ replicas }) =>
    replicas.map(({ replica, up }) => [{ replica }, up ? 1 : 0]),
  )
  fleet('upshift_replica_in_flight', 'Requests leased to a replica.', ['replica'], ({ replicas }) =>
    replicas.map(({ replica, inFlight }) => [{ replica }, inFlight]),
  )
  fleet('upshift_queue_waiting', 'Requests that wait for a free replica.', [], ({ waiting }) => [
    [{}, waiting],
  ])
  fleet(
    'upshift_engine_spent_today_micro_dollars',
    'Spent or held since midnight UTC.',
    ['engine'],
    ({ spend }) => spend.map(({ engine, spentMicros }) => [{ engine }, spentMicros]),
  )
  fleet('upshift_engine_daily_cap_micro_dollars', 'What may be spent a UTC day.', ['engine'], ({ spend }) =>
    spend.map(({ engine, capMicros }) => [{ engine }, capMicros]),
  )
  record('upshift_log_entries', 'Entries in the log.', ({ entries }) => entries)
  record('upshift_follower_up', '1 where the log is followed: checkpoints, usage.', ({ following }) =>
    following ? 1 : 0,
  )
  record(
    'upshift_follower_lag_entries',
    'Entries of the log that the follower has not read yet.',
    ({ lagEntries }) => lagEntries,
  )
  record(
    'upshift_checkpoint_size',
    'Entries under the newest signed checkpoint.',
    ({ checkpointSize }) => checkpointSize,
  )
}

/** What single keys have spent and may spend: a registry of its own, since not everybody may see it. */
export function declareKeyGauges(registry: Registry, read: () => readonly KeyGauge[]): void {
  const keys = (name: string, help: string, labels: readonly string[], rows: (of: KeyGauge) => Rows) =>
    declare(registry, name, help, ['key', ...labels], () =>
      read().flatMap((one) => rows(one).map(([of, value]) => [{ key: one.key, ...of }, value] as const)),
    )
  keys('upshift_key_spent_micro_dollars', 'Spent in the UTC day or month that runs.', ['period'], (one) => [
    [{ period: 'day' }, one.spentTodayMicros],
    [{ period: 'month' }, one.spentThisMonthMicros],
  ])
  keys('upshift_key_budget_micro_dollars', 'What a key may spend in the period.', ['period'], (one) => [
    ...limit('day', one.dayBudgetMicros),
    ...limit('month', one.monthBudgetMicros),
  ])
  keys('upshift_key_held_micro_dollars', 'Reserved for attempts under way.', [], (one) => [
    [{}, one.heldMicros],
  ])
  keys(
    'upshift_key_unknown_micro_dollars',
    'Worst cases of this month whose cost nobody stated.',
    [],
    (one) => [[{}, one.unknownMicros]],
  )
  keys('upshift_key_overshoot_micro_dollars', 'Billed this month beyond the worst case.', [], (one) => [
    [{}, one.overshootMicros],
  ])
}

function limit(period: string, micros: number | undefined): Rows {
  return micros === undefined ? [] : [[{ period }, micros]]
}

function declare(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  rows: () => Rows,
): void {
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset()
      for (const [labels, value] of rows()) this.set({ ...labels }, value)
    },
  })
}

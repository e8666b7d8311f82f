import { Counter, Gauge, type Registry } from 'prom-client'

/** Reads, once at each scrape, the state of things that are not events. */
export interface Gauges {
  fleet(): FleetGauges
  record(): RecordGauges
  /** Models that are loaded into this machine’s memory. */
  llama(): readonly LlamaGauge[]
  /** What came of the stages of searches that ask engines. */
  retrieval(): readonly StageGauge[]
  routing(): RoutingGauges
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

export interface RoutingGauges {
  /** Of the prior that `auto` decides by: `unread` until it is needed, `fault` where it cannot be used. */
  readonly prior: 'unread' | 'ready' | 'fault'
}

/** One model of llama.cpp. The counters begin anew with its process. */
export interface LlamaGauge {
  readonly model: string
  readonly up: boolean
  readonly restarts: number
  readonly memoryBytes: number
  readonly slots: number
  readonly running: number
  readonly waiting: number
  readonly kvTokens: number
  readonly kvCapacityTokens: number
  readonly warmBytes: number
  readonly requests: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  readonly evictions: number
  readonly warmLoads: number
  readonly warmSaves: number
  readonly waitMs: number
}

/** Counted since the start. */
export interface StageGauge {
  readonly stage: string
  readonly outcome: string
  readonly why: string
  readonly count: number
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

export type Labels = Readonly<Record<string, string | number>>
/** The values of a metric, each under its labels. */
export type Rows = readonly (readonly [Labels, number])[]

/** Gauges that are read at each scrape, so that a replica that has gone is gone from the text too. */
export function declareGauges(
  registry: Registry,
  read: () => {
    readonly fleet: FleetGauges
    readonly record: RecordGauges
    readonly llama: readonly LlamaGauge[]
    readonly retrieval: readonly StageGauge[]
    readonly routing: RoutingGauges
  },
): void {
  declareLlama(registry, () => read().llama)
  declareCounter(
    registry,
    'upshift_retrieval_stages_total',
    'Stages of searches that ask an engine: whether they ran, and why not.',
    ['stage', 'outcome', 'why'],
    () => read().retrieval.map(({ stage, outcome, why, count }) => [{ stage, outcome, why }, count] as const),
  )
  const fleet = (name: string, help: string, labels: readonly string[], rows: (of: FleetGauges) => Rows) =>
    declare(registry, name, help, labels, () => rows(read().fleet))
  const record = (name: string, help: string, value: (of: RecordGauges) => number) =>
    declare(registry, name, help, [], () => [[{}, value(read().record)]])
  const prior = (name: string, help: string, state: RoutingGauges['prior']) =>
    declare(registry, name, help, [], () => [[{}, read().routing.prior === state ? 1 : 0]])
  prior('upshift_routing_prior_ready', '1 where the prior of `auto` was read and is in use.', 'ready')
  prior(
    'upshift_routing_prior_fault',
    '1 where the prior of `auto` cannot be used, and points of difficulty decide.',
    'fault',
  )
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

/** What is so now, and what has been counted, of each model in this machine’s memory. */
function declareLlama(registry: Registry, read: () => readonly LlamaGauge[]): void {
  const each = (value: (one: LlamaGauge) => number) => (): Rows =>
    read().map((one) => [{ model: one.model }, value(one)])
  const now = (name: string, help: string, value: (one: LlamaGauge) => number) =>
    declare(registry, `upshift_llama_${name}`, help, ['model'], each(value))
  const counted = (name: string, help: string, value: (one: LlamaGauge) => number) =>
    declareCounter(registry, `upshift_llama_${name}_total`, help, ['model'], each(value))
  now('up', '1 where the model is loaded and answers.', ({ up }) => (up ? 1 : 0))
  now('memory_bytes', 'Weights, caches and buffers, as reckoned before loading.', (one) => one.memoryBytes)
  now('slots', 'KV caches, each for one sequence.', (one) => one.slots)
  now('running', 'Requests that are worked on.', (one) => one.running)
  now('waiting', 'Requests that wait for a slot.', (one) => one.waiting)
  now('kv_tokens', 'Tokens in the KV caches.', (one) => one.kvTokens)
  now('kv_capacity_tokens', 'Tokens that the KV caches can hold.', (one) => one.kvCapacityTokens)
  now('warm_bytes', 'Bytes of system prompts’ states on the disk.', (one) => one.warmBytes)
  counted('restarts', 'Processes that ended by themselves.', (one) => one.restarts)
  counted('requests', 'Requests that were answered to their end.', (one) => one.requests)
  counted('prompt_tokens', 'Tokens of prompts.', (one) => one.promptTokens)
  counted('cached_tokens', 'Of these, tokens that a cache held already.', (one) => one.cachedTokens)
  counted('completion_tokens', 'Tokens that were generated.', (one) => one.completionTokens)
  counted('evictions', 'Caches that were given up for another prompt.', (one) => one.evictions)
  counted('warm_loads', 'States of system prompts that were read from the disk.', (one) => one.warmLoads)
  counted('warm_saves', 'States of system prompts that were written to the disk.', (one) => one.warmSaves)
  counted('wait_seconds', 'Time that requests waited for a slot.', (one) => one.waitMs / 1_000)
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

/** A gauge that is read at each scrape. */
export function declare(
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

/** Counters that somebody else counts: told as they stand. */
export function declareCounter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  rows: () => Rows,
): void {
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset()
      for (const [labels, value] of rows()) this.inc({ ...labels }, value)
    },
  })
}

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { declareMetrics } from './declared.ts'

/** Every metric that Upshift exposes, declared once. Names follow Prometheus; times are seconds. */
export interface Metrics {
  /** The text of GET /metrics. */
  expose(): Promise<string>
  readonly contentType: string
  request(route: string, status: number, seconds: number): void
  answer(answered: AnswerCount): void
  readonly inFlight: { inc(): void; dec(): void }
  /** Called at each scrape, to set the gauges of things that are not events. */
  observe(read: () => FleetGauges): void
}

export interface AnswerCount {
  readonly tier: string
  readonly model: string
  readonly mode: string
  readonly outcome: string
  readonly firstTokenSeconds?: number
  readonly promptTokens?: number
  readonly completionTokens?: number
  readonly costMicros?: number
  /** Checks that did not pass quietly: `name=outcome`. */
  readonly verdicts: readonly string[]
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

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const declared = declareMetrics(registry)
  const kept = keep(declared)
  const { requests, seconds } = kept
  let read: () => FleetGauges = () => ({ replicas: [], waiting: 0, spend: [] })
  declareFleetGauges(registry, () => read())
  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    inFlight: declared.inFlight,
    observe(gauges) {
      read = gauges
    },
    request(route, status, taken) {
      requests.of({ route, status }).inc()
      seconds.of({ route }).observe(taken)
    },
    answer: (one) => countAnswer(kept, one),
  }
}

/**
 * A metric's children by their labels. The library checks and hashes the labels at every count, which costs more than
 * the count: here they are looked up by their values. There are as many as there are time series.
 */
class Children<Labels extends Record<string, string | number>, Child> {
  readonly #children = new Map<string, Child>()
  readonly #make: (labels: Labels) => Child

  constructor(make: (labels: Labels) => Child) {
    this.#make = make
  }

  of(labels: Labels): Child {
    let key = ''
    for (const name in labels) key += `${labels[name]}\n`
    let child = this.#children.get(key)
    if (child === undefined) {
      child = this.#make(labels)
      this.#children.set(key, child)
    }
    return child
  }
}

function keep(declared: ReturnType<typeof declareMetrics>) {
  const { requests, seconds, answers, firstToken, tokens, cost, verdicts } = declared
  return {
    requests: new Children((of: { route: string; status: number }) => requests.labels(of)),
    seconds: new Children((of: { route: string }) => seconds.labels(of)),
    answers: new Children((of: { tier: string; model: string; mode: string; outcome: string }) =>
      answers.labels(of),
    ),
    firstToken: new Children((of: { tier: string }) => firstToken.labels(of)),
    tokens: new Children((of: { tier: string; model: string; direction: string }) => tokens.labels(of)),
    cost: new Children((of: { tier: string; model: string }) => cost.labels(of)),
    verdicts: new Children((of: { verdict: string }) => verdicts.labels(of)),
  }
}

function countAnswer(kept: ReturnType<typeof keep>, one: AnswerCount): void {
  const { answers, firstToken, tokens, cost, verdicts } = kept
  const { tier, model, mode, outcome } = one
  answers.of({ tier, model, mode, outcome }).inc()
  if (one.firstTokenSeconds !== undefined) firstToken.of({ tier }).observe(one.firstTokenSeconds)
  if (one.promptTokens !== undefined) tokens.of({ tier, model, direction: 'input' }).inc(one.promptTokens)
  if (one.completionTokens !== undefined) {
    tokens.of({ tier, model, direction: 'output' }).inc(one.completionTokens)
  }
  if (one.costMicros !== undefined) cost.of({ tier, model }).inc(one.costMicros)
  for (const verdict of one.verdicts) verdicts.of({ verdict }).inc()
}

/** Gauges that are read at each scrape, so that a replica that has gone is gone from the text too. */
function declareFleetGauges(registry: Registry, read: () => FleetGauges): void {
  const declare = (name: string, help: string, label: string | undefined, rows: () => readonly GaugeRow[]) =>
    new Gauge({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers: [registry],
      collect() {
        this.reset()
        for (const [of, value] of rows()) {
          if (label === undefined) this.set(value)
          else this.set({ [label]: of }, value)
        }
      },
    })
  declare('upshift_replica_up', '1 where a replica takes requests.', 'replica', () =>
    read().replicas.map((one) => [one.replica, one.up ? 1 : 0]),
  )
  declare('upshift_replica_in_flight', 'Requests leased to a replica.', 'replica', () =>
    read().replicas.map((one) => [one.replica, one.inFlight]),
  )
  declare('upshift_queue_waiting', 'Requests that wait for a free replica.', undefined, () => [
    ['', read().waiting],
  ])
  declare('upshift_engine_spent_today_micro_dollars', 'Spent or held since midnight UTC.', 'engine', () =>
    read().spend.map((one) => [one.engine, one.spentMicros]),
  )
  declare('upshift_engine_daily_cap_micro_dollars', 'What may be spent a UTC day.', 'engine', () =>
    read().spend.map((one) => [one.engine, one.capMicros]),
  )
}

type GaugeRow = readonly [string, number]

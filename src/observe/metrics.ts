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
      declared.requests.inc({ route, status })
      declared.seconds.observe({ route }, taken)
    },
    answer: (one) => countAnswer(declared, one),
  }
}

function countAnswer(declared: ReturnType<typeof declareMetrics>, one: AnswerCount): void {
  const { answers, firstToken, tokens, cost, verdicts } = declared
  const { tier, model, mode, outcome } = one
  answers.inc({ tier, model, mode, outcome })
  if (one.firstTokenSeconds !== undefined) firstToken.observe({ tier }, one.firstTokenSeconds)
  if (one.promptTokens !== undefined) tokens.inc({ tier, model, direction: 'input' }, one.promptTokens)
  if (one.completionTokens !== undefined) {
    tokens.inc({ tier, model, direction: 'output' }, one.completionTokens)
  }
  if (one.costMicros !== undefined) cost.inc({ tier, model }, one.costMicros)
  for (const verdict of one.verdicts) verdicts.inc({ verdict })
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

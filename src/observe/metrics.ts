import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Every metric that Upshift exposes, declared once. Names follow Prometheus; times are seconds. */
export interface Metrics {
  /** The text of GET /metrics. */
  expose(): Promise<string>
  readonly contentType: string
  request(route: string, status: number, seconds: number): void
  answer(answered: AnswerCount): void
  readonly inFlight: { inc(): void; dec(): void }
  /** Called at each scrape, to set the gauges of things that are not events. */
  observe(gauges: () => readonly ReplicaGauge[]): void
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

export interface ReplicaGauge {
  readonly replica: string
  readonly up: boolean
  readonly inFlight: number
}

const SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'upshift_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['route', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: 'upshift_request_seconds',
    help: 'From arrival to the last byte.',
    labelNames: ['route'],
    buckets: SECONDS_BUCKETS,
    registers,
  })
  const answers = new Counter({
    name: 'upshift_answers_total',
    help: 'Answers by tier, model, mode and outcome.',
    labelNames: ['tier', 'model', 'mode', 'outcome'],
    registers,
  })
  const firstToken = new Histogram({
    name: 'upshift_first_token_seconds',
    help: 'From arrival to the first content.',
    labelNames: ['tier'],
    buckets: SECONDS_BUCKETS,
    registers,
  })
  const tokens = new Counter({
    name: 'upshift_tokens_total',
    help: 'Tokens as the engines reported them.',
    labelNames: ['tier', 'model', 'direction'],
    registers,
  })
  const cost = new Counter({
    name: 'upshift_cost_micro_dollars_total',
    help: 'Cost of priced models.',
    labelNames: ['tier', 'model'],
    registers,
  })
  const verdicts = new Counter({
    name: 'upshift_verdicts_total',
    help: 'Checks that redacted, repaired, failed or were skipped.',
    labelNames: ['verdict'],
    registers,
  })
  const inFlight = new Gauge({
    name: 'upshift_requests_in_flight',
    help: 'Requests being answered.',
    registers,
  })
  let replicas: () => readonly ReplicaGauge[] = () => []
  new Gauge({
    name: 'upshift_replica_up',
    help: '1 where a replica takes requests.',
    labelNames: ['replica'],
    registers,
    collect() {
      this.reset()
      for (const one of replicas()) this.set({ replica: one.replica }, one.up ? 1 : 0)
    },
  })
  new Gauge({
    name: 'upshift_replica_in_flight',
    help: 'Requests leased to a replica.',
    labelNames: ['replica'],
    registers,
    collect() {
      this.reset()
      for (const one of replicas()) this.set({ replica: one.replica }, one.inFlight)
    },
  })
  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    inFlight,
    observe(gauges) {
      replicas = gauges
    },
    request(route, status, taken) {
      requests.inc({ route, status })
      seconds.observe({ route }, taken)
    },
    answer(one) {
      const { tier, model, mode, outcome } = one
      answers.inc({ tier, model, mode, outcome })
      if (one.firstTokenSeconds !== undefined) firstToken.observe({ tier }, one.firstTokenSeconds)
      if (one.promptTokens !== undefined) tokens.inc({ tier, model, direction: 'input' }, one.promptTokens)
      if (one.completionTokens !== undefined)
        tokens.inc({ tier, model, direction: 'output' }, one.completionTokens)
      if (one.costMicros !== undefined) cost.inc({ tier, model }, one.costMicros)
      for (const verdict of one.verdicts) verdicts.inc({ verdict })
    },
  }
}

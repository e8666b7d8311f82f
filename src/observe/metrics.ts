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

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const declared = declareMetrics(registry)
  let replicas: () => readonly ReplicaGauge[] = () => []
  const read = () => replicas()
  declareReplicaGauge(registry, 'upshift_replica_up', '1 where a replica takes requests.', () =>
    read().map((one) => [one.replica, one.up ? 1 : 0]),
  )
  declareReplicaGauge(registry, 'upshift_replica_in_flight', 'Requests leased to a replica.', () =>
    read().map((one) => [one.replica, one.inFlight]),
  )
  return {
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    inFlight: declared.inFlight,
    observe(gauges) {
      replicas = gauges
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

/** A gauge that is read at each scrape, so that a replica that has gone is gone from the text too. */
function declareReplicaGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => readonly (readonly [string, number])[],
): Gauge {
  return new Gauge({
    name,
    help,
    labelNames: ['replica'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [replica, value] of read()) this.set({ replica }, value)
    },
  })
}

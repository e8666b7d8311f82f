import { collectDefaultMetrics, Registry } from 'prom-client'
import { declareMetrics } from './declared.ts'
import { declareGauges, declareKeyGauges, type Gauges, type KeyGauge } from './gauges.ts'

/** Every metric that Upshift exposes, declared once. Names follow Prometheus; times are seconds. */
export interface Metrics {
  /** The text of GET /metrics; what single keys have spent is in it for who may see every key. */
  expose(everyKey: boolean): Promise<string>
  readonly contentType: string
  request(route: string, status: number, seconds: number): void
  answer(answered: AnswerCount): void
  readonly inFlight: { inc(): void; dec(): void }
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
  /** Inputs that were embedded. */
  readonly inputs?: number
  /** Checks that did not pass quietly: `name=outcome`. */
  readonly verdicts: readonly string[]
}

export function createMetrics(gauges: Gauges): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const declared = declareMetrics(registry)
  const kept = keep(declared)
  const { requests, seconds } = kept
  const read = () => ({
    fleet: gauges.fleet(),
    record: gauges.record(),
    llama: gauges.llama(),
    retrieval: gauges.retrieval(),
    routing: gauges.routing(),
  })
  let state = read()
  declareGauges(registry, () => state)
  const ofKeys = new Registry()
  let keys: readonly KeyGauge[] = []
  declareKeyGauges(ofKeys, () => keys)
  return {
    contentType: registry.contentType,
    async expose(everyKey) {
      state = read()
      const common = await registry.metrics()
      if (!everyKey) return common
      keys = gauges.keys()
      return `${common}\n${await ofKeys.metrics()}`
    },
    inFlight: declared.inFlight,
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
  const { requests, seconds, answers, firstToken, tokens, embeddings, cost, verdicts } = declared
  return {
    requests: new Children((of: { route: string; status: number }) => requests.labels(of)),
    seconds: new Children((of: { route: string }) => seconds.labels(of)),
    answers: new Children((of: { tier: string; model: string; mode: string; outcome: string }) =>
      answers.labels(of),
    ),
    firstToken: new Children((of: { tier: string }) => firstToken.labels(of)),
    tokens: new Children((of: { tier: string; model: string; direction: string }) => tokens.labels(of)),
    embeddings: new Children((of: { tier: string; model: string }) => embeddings.labels(of)),
    cost: new Children((of: { tier: string; model: string }) => cost.labels(of)),
    verdicts: new Children((of: { verdict: string }) => verdicts.labels(of)),
  }
}

function countAnswer(kept: ReturnType<typeof keep>, one: AnswerCount): void {
  const { answers, firstToken, tokens, embeddings, cost, verdicts } = kept
  const { tier, model, mode, outcome } = one
  answers.of({ tier, model, mode, outcome }).inc()
  if (one.firstTokenSeconds !== undefined) firstToken.of({ tier }).observe(one.firstTokenSeconds)
  if (one.promptTokens !== undefined) tokens.of({ tier, model, direction: 'input' }).inc(one.promptTokens)
  if (one.completionTokens !== undefined) {
    tokens.of({ tier, model, direction: 'output' }).inc(one.completionTokens)
  }
  if (one.inputs !== undefined) embeddings.of({ tier, model }).inc(one.inputs)
  if (one.costMicros !== undefined) cost.of({ tier, model }).inc(one.costMicros)
  for (const verdict of one.verdicts) verdicts.of({ verdict }).inc()
}

import type { Spread, Sum } from './counted.ts'
import { type Declared, declareMetrics } from './declared.ts'
import type { Exposition } from './exposition.ts'
import type { Gauges } from './gauges.ts'

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8'

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
  readonly firstTokenSeconds?: number | undefined
  readonly promptTokens?: number | undefined
  readonly completionTokens?: number | undefined
  readonly costMicros?: number | undefined
  /** Inputs that were embedded. */
  readonly inputs?: number | undefined
  /** Checks that did not pass quietly: `name=outcome`. */
  readonly verdicts: readonly string[]
}

export function createMetrics(gauges: Gauges): Metrics {
  const declared = declareMetrics()
  const routes = new Map<string, RouteSeries>()
  const answers = new Answers(declared)
  let inFlight = 0
  let exposition: Promise<Exposition> | undefined
  return {
    contentType: TEXT_FORMAT,
    async expose(everyKey) {
      // With the first scrape, since it loads a library: many a server is never scraped.
      exposition ??= import('./exposition.ts').then(({ createExposition }) =>
        createExposition(gauges, declared, () => inFlight),
      )
      return (await exposition).text(everyKey)
    },
    inFlight: {
      inc: () => {
        inFlight += 1
      },
      dec: () => {
        inFlight -= 1
      },
    },
    request(route, status, taken) {
      let series = routes.get(route)
      if (series === undefined) {
        series = new RouteSeries(declared, route)
        routes.set(route, series)
      }
      series.add(status, taken)
    },
    answer: (one) => answers.add(one),
  }
}

/** The series that requests to one route count in. */
class RouteSeries {
  readonly #declared: Declared
  readonly #route: string
  readonly #byStatus = new Map<number, Sum>()
  readonly #seconds: Spread

  constructor(declared: Declared, route: string) {
    this.#declared = declared
    this.#route = route
    this.#seconds = declared.seconds.of({ route })
  }

  add(status: number, seconds: number): void {
    let requests = this.#byStatus.get(status)
    if (requests === undefined) {
      requests = this.#declared.requests.of({ route: this.#route, status })
      this.#byStatus.set(status, requests)
    }
    requests.add(1)
    this.#seconds.observe(seconds)
  }
}

/** Finds with one look-up all that an answer counts in. There are as many as there are series of answers. */
class Answers {
  readonly #declared: Declared
  readonly #kept = new Map<string, AnswerSeries>()

  constructor(declared: Declared) {
    this.#declared = declared
  }

  add(one: AnswerCount): void {
    const key = `${one.tier}\n${one.model}\n${one.mode}\n${one.outcome}`
    let series = this.#kept.get(key)
    if (series === undefined) {
      series = new AnswerSeries(this.#declared, one)
      this.#kept.set(key, series)
    }
    series.add(one)
    for (const verdict of one.verdicts) this.#declared.verdicts.of({ verdict }).add(1)
  }
}

/** The series that answers of one tier, model, mode and outcome count in. One without a count is not told of. */
class AnswerSeries {
  readonly #declared: Declared
  readonly #tier: { readonly tier: string }
  readonly #model: { readonly tier: string; readonly model: string }
  readonly #answers: Sum
  #firstToken: Spread | undefined
  #input: Sum | undefined
  #output: Sum | undefined
  #embeddings: Sum | undefined
  #cost: Sum | undefined

  constructor(declared: Declared, { tier, model, mode, outcome }: AnswerCount) {
    this.#declared = declared
    this.#tier = { tier }
    this.#model = { tier, model }
    this.#answers = declared.answers.of({ tier, model, mode, outcome })
  }

  add({ firstTokenSeconds, promptTokens, completionTokens, inputs, costMicros }: AnswerCount): void {
    const { firstToken, tokens, embeddings, cost } = this.#declared
    const of = this.#model
    this.#answers.add(1)
    if (firstTokenSeconds !== undefined) {
      this.#firstToken ??= firstToken.of(this.#tier)
      this.#firstToken.observe(firstTokenSeconds)
    }
    if (promptTokens !== undefined) {
      this.#input ??= tokens.of({ ...of, direction: 'input' })
      this.#input.add(promptTokens)
    }
    if (completionTokens !== undefined) {
      this.#output ??= tokens.of({ ...of, direction: 'output' })
      this.#output.add(completionTokens)
    }
    if (inputs !== undefined) {
      this.#embeddings ??= embeddings.of(of)
      this.#embeddings.add(inputs)
    }
    if (costMicros !== undefined) {
      this.#cost ??= cost.of(of)
      this.#cost.add(costMicros)
    }
  }
}

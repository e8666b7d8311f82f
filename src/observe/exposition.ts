import { collectDefaultMetrics, type Histogram, Registry } from 'prom-client'
import { type Spreads, Sums } from './counted.ts'
import type { Declared } from './declared.ts'
import {
  declare,
  declareCounter,
  declareGauges,
  declareKeyGauges,
  type Gauges,
  type KeyGauge,
} from './gauges.ts'

export interface Exposition {
  /** What GET /metrics answers, at this moment. What single keys have spent is in it for who may see every key. */
  text(everyKey: boolean): Promise<string>
}

/** What is counted and what is so, as Prometheus reads it. The process's own figures begin here. */
export function createExposition(gauges: Gauges, counted: Declared, inFlight: () => number): Exposition {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const one of Object.values(counted)) tellCounted(registry, one)
  const read = () => ({
    fleet: gauges.fleet(),
    record: gauges.record(),
    llama: gauges.llama(),
    retrieval: gauges.retrieval(),
    routing: gauges.routing(),
  })
  let state = read()
  declareGauges(registry, () => state)
  declare(registry, 'upshift_requests_in_flight', 'Requests being answered.', [], () => [[{}, inFlight()]])
  const ofKeys = new Registry()
  let keys: readonly KeyGauge[] = []
  declareKeyGauges(ofKeys, () => keys)
  return {
    async text(everyKey) {
      state = read()
      const common = await registry.metrics()
      if (!everyKey) return common
      keys = gauges.keys()
      return `${common}\n${await ofKeys.metrics()}`
    },
  }
}

function tellCounted(registry: Registry, counted: Sums | Spreads): void {
  const { name, help } = counted
  if (counted instanceof Sums) {
    declareCounter(registry, name, help, counted.labelNames, () => counted.rows())
    return
  }
  const get = async () => ({ name, help, type: 'histogram', values: [...counted.rows()] })
  // A registry asks what is in it for its name and its values, and for nothing else until it is told to reset.
  registry.registerMetric({ name, get } as unknown as Histogram)
}

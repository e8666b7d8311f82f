import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Every metric of events, declared once. */
export function declareMetrics(registry: Registry) {
  const registers = [registry]
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
  const embeddings = new Counter({
    name: 'upshift_embeddings_total',
    help: 'Inputs that were embedded.',
    labelNames: ['tier', 'model'],
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
  return { requests, seconds, answers, firstToken, tokens, embeddings, cost, verdicts, inFlight }
}

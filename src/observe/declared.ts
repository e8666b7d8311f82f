import { Spreads, Sums } from './counted.ts'

const SECONDS_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export type Declared = ReturnType<typeof declareMetrics>

/** Every metric of events, declared once. */
export function declareMetrics() {
  const sums = (name: string, help: string, labels: readonly string[]) =>
    new Sums(`upshift_${name}`, help, labels)
  const seconds = (name: string, help: string) =>
    new Spreads(`upshift_${name}_seconds`, help, SECONDS_BUCKETS)
  return {
    requests: sums('requests_total', 'Requests by route and status.', ['route', 'status']),
    seconds: seconds('request', 'From arrival to the last byte.'),
    answers: sums('answers_total', 'Answers by tier, model, mode and outcome.', [
      'tier',
      'model',
      'mode',
      'outcome',
    ]),
    firstToken: seconds('first_token', 'From arrival to the first content.'),
    tokens: sums('tokens_total', 'Tokens as the engines reported them.', ['tier', 'model', 'direction']),
    embeddings: sums('embeddings_total', 'Inputs that were embedded.', ['tier', 'model']),
    cost: sums('cost_micro_dollars_total', 'Cost of priced models.', ['tier', 'model']),
    verdicts: sums('verdicts_total', 'Checks that redacted, repaired, failed or were skipped.', ['verdict']),
  }
}

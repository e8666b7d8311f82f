/** Settings of a fleet that never gives up on a replica: many tests share one server, and most of them fail it. */
const PATIENT = {
  discover: false,
  breaker: { failures: 1_000, minRequests: 100_000 },
  attempts: { turns: 4, backoffMs: 5, retryShare: 1 },
} as const

const PRICE = { input: 1, output: 2 } as const

export interface EngineSettings {
  readonly timeouts?: { readonly firstTokenMs?: number; readonly betweenTokensMs?: number }
  readonly maxConcurrent?: number
}

/** One model `small` of the fast tier behind these addresses, $1 a million tokens in and $2 out. */
export function engineAt(urls: readonly string[], more: EngineSettings = {}): Record<string, unknown> {
  const models = [{ name: 'small', tier: 'fast', price: PRICE }]
  return { kind: 'openai-compatible', urls, models, ...more }
}

/** What stands in upshift.yaml for engines by name. */
export function configOf(
  engines: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { fleet: { ...PATIENT, engines }, ...more }
}

/** Settings of a fleet that never gives up on a replica: many tests share one server, and most of them fail it. */
const PATIENT = {
  discover: false,
  breaker: { failures: 1_000, minRequests: 100_000 },
  attempts: { turns: 4, backoffMs: 5, retryShare: 1 },
} as const

const PRICE = { input: 1, output: 2 } as const

export interface EngineSettings {
  /** The tier of its model; fast where absent. */
  readonly tier?: 'fast' | 'mid' | 'expert'
  readonly timeouts?: { readonly firstTokenMs?: number; readonly betweenTokensMs?: number }
}

/** One model `small` behind these addresses, $1 a million tokens in and $2 out. */
export function engineAt(urls: readonly string[], settings: EngineSettings = {}): Record<string, unknown> {
  const { tier = 'fast', ...more } = settings
  const models = [{ name: 'small', tier, price: PRICE }]
  return { kind: 'openai-compatible', urls, models, ...more }
}

/** The same model behind addresses that speak Anthropic's Messages. */
export function anthropicAt(urls: readonly string[], settings: EngineSettings = {}): Record<string, unknown> {
  return { ...engineAt(urls, settings), kind: 'anthropic' }
}

/** What stands in upshift.yaml for engines by name. */
export function configOf(
  engines: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { fleet: { ...PATIENT, engines }, ...more }
}

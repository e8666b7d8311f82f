import type { Ask } from '../../contract/ask.ts'
import type { ModelView } from '../../contract/model.ts'
import type { Drawing } from '../escalate/plan.ts'

export const NOON = Date.UTC(2026, 10, 22, 12)

export function priced(id: string, usdPerMillion: number): ModelView {
  const micros = usdPerMillion * 1_000_000
  return {
    id,
    engine: id,
    name: id,
    tier: 'fast',
    kind: 'chat',
    offMachine: false,
    allowed: true,
    available: true,
    contextTokens: undefined,
    price: { inputPerMillion: micros, outputPerMillion: micros },
    enforcesSchema: false,
  }
}

/** A request of 100 bytes between two models, of which the strong one costs ten times as much. */
export function drawing(id: string, segment: string, evaluator?: ModelView): Drawing {
  const ask: Ask = {
    id,
    origin: { type: 'wire', credential: undefined },
    request: { model: 'auto', messages: [{ role: 'user', content: 'Hi.' }] },
    bytes: 100,
    receivedAt: NOON,
    signal: new AbortController().signal,
  }
  const caller = { key: 'key_a', name: 'a', owner: false, scope: { engines: 'any' } } as const
  const [low, high] = [priced('low', 0.1), priced('high', 1)]
  return { ask, caller, segment, low, high, maxOutputTokens: 100, evaluator }
}

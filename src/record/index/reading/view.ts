import { type Columns, number, numberOrNull, text, textOrNull } from '../rows.ts'
import type { Outcome, RequestView } from '../wire.ts'

/** A row of `request` as it goes out. */
export function viewOf(columns: Columns): RequestView {
  return {
    id: text(columns, 'id'),
    parent: textOrNull(columns, 'parent'),
    seq: number(columns, 'seq'),
    at: number(columns, 'at'),
    day: text(columns, 'day'),
    key: text(columns, 'key'),
    subject: textOrNull(columns, 'subject'),
    requested: textOrNull(columns, 'requested'),
    tierAsked: textOrNull(columns, 'tier_asked'),
    tier: textOrNull(columns, 'tier'),
    model: textOrNull(columns, 'model'),
    engine: textOrNull(columns, 'engine'),
    replica: textOrNull(columns, 'replica'),
    mode: textOrNull(columns, 'mode'),
    offMachine: columns['off_machine'] === 1,
    // A parser: the column holds what Rows.write was given.
    outcome: text(columns, 'outcome') as Outcome,
    code: textOrNull(columns, 'code'),
    turns: number(columns, 'turns'),
    promptTokens: numberOrNull(columns, 'prompt_tokens'),
    completionTokens: numberOrNull(columns, 'completion_tokens'),
    cachedTokens: numberOrNull(columns, 'cached_tokens'),
    reasoningTokens: numberOrNull(columns, 'reasoning_tokens'),
    costMicros: numberOrNull(columns, 'cost_micros'),
    chargedMicros: numberOrNull(columns, 'charged_micros'),
    unknownMicros: number(columns, 'unknown_micros'),
    unpriced: columns['unpriced'] === 1,
    estimated: columns['estimated'] === 1,
    firstTokenMs: numberOrNull(columns, 'first_token_ms'),
    totalMs: numberOrNull(columns, 'total_ms'),
  }
}

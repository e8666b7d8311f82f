import type { StopReason } from '../../contract/messages.ts'

/** Messages' reasons for an end in the words of Chat Completions. A pause is an end there, with more to come. */
const FINISHES: Readonly<Record<StopReason, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

/**
 * How a choice ends: in OpenAI's word, in the engine's own (`native_finish_reason`, as OpenRouter calls it), and with
 * the stop sequence that was met (`stop_reason`, as vLLM calls it).
 */
export function finishOf(
  reason: string,
  sequence: unknown,
): Record<string, unknown> & { finish_reason: string } {
  const known = Object.hasOwn(FINISHES, reason) ? FINISHES[reason as StopReason] : undefined
  return {
    finish_reason: known ?? 'stop',
    native_finish_reason: reason,
    ...(typeof sequence === 'string' ? { stop_reason: sequence } : {}),
  }
}

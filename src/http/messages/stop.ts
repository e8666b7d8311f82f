import type { WireChoice } from '../../contract/chat.ts'
import { isStopReason, type StopReason } from '../../contract/messages.ts'

/** Why a message stopped, as its two fields say it. */
export interface Stop {
  readonly stop_reason: StopReason
  readonly stop_sequence: string | null
}

const REASONS: Readonly<Record<string, StopReason>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
}

/**
 * Why a choice stopped. An engine of Anthropic says so in its own word; another that names the stop sequence that it
 * met (vLLM: `stop_reason`) is believed where the caller had asked for that sequence; else an end is an end.
 */
export function stopOf(
  choice: Partial<WireChoice> | undefined,
  asked: readonly string[],
  calls: boolean,
): Stop {
  const own = choice?.['native_finish_reason']
  const met = choice?.['stop_reason']
  const sequence = typeof met === 'string' && (isStopReason(own) || asked.includes(met)) ? met : null
  if (isStopReason(own)) return { stop_reason: own, stop_sequence: sequence }
  const reason = choice?.finish_reason ?? 'stop'
  if (sequence !== null && reason === 'stop') return { stop_reason: 'stop_sequence', stop_sequence: sequence }
  // Some engines end a call of tools with `stop`.
  if (calls && reason === 'stop') return { stop_reason: 'tool_use', stop_sequence: null }
  const known = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined
  return { stop_reason: known ?? 'end_turn', stop_sequence: null }
}

/** The stop sequences that a request asks for. */
export function sequencesOf(stop: string | readonly string[] | null | undefined): readonly string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? [])
}

import type { ChatRequest } from '../../contract/chat.ts'
import type { Batch } from '../../contract/event.ts'

/**
 * Whether an answer to this request must be checked whole before any of it leaves. JSON that the engine does
 * not enforce: yes. A tool that must be called: yes, because only the end shows whether it was. Tools that may
 * be called: no, its text streams; from the first batch with a tool call (`hasToolCall`) on the rest is to be
 * collected and checked whole.
 */
export function needsHold(request: ChatRequest, enforced: boolean): 'scan' | 'hold' {
  const format = request.response_format?.type
  if (!enforced && (format === 'json_schema' || format === 'json_object')) return 'hold'
  const choice = request.tool_choice
  const mustCall = choice === 'required' || typeof choice === 'object'
  return mustCall && (request.tools?.length ?? 0) > 0 ? 'hold' : 'scan'
}

/** True where some event of the batch carries a tool call or a part of one. */
export function hasToolCall(batch: Batch): boolean {
  for (const event of batch) {
    if (event.type === 'chunk-delta') {
      for (const { delta } of event.chunk.choices) if ((delta.tool_calls?.length ?? 0) > 0) return true
    } else if (event.type === 'answer-whole') {
      for (const { message } of event.completion.choices)
        if ((message.tool_calls?.length ?? 0) > 0) return true
    }
  }
  return false
}

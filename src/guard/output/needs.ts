import type { ChatRequest } from '../../contract/chat.ts'

/**
 * Whether an answer to this request must be checked whole before any of it leaves. JSON that the engine does
 * not enforce: yes. A tool that must be called: yes, because only the end shows whether it was. Tools that may
 * be called: no, its text streams; from the first batch with a tool call on, whoever streams it collects the
 * rest to be checked whole.
 */
export function needsHold(request: ChatRequest, enforced: boolean): 'scan' | 'hold' {
  const format = request.response_format?.type
  if (!enforced && (format === 'json_schema' || format === 'json_object')) return 'hold'
  const choice = request.tool_choice
  const mustCall = choice === 'required' || typeof choice === 'object'
  return mustCall && (request.tools?.length ?? 0) > 0 ? 'hold' : 'scan'
}

import type { Ask } from '../../contract/ask.ts'
import type { Evidence } from '../../contract/escalation.ts'
import { isRepeated, taskOf } from '../../contract/task.ts'
import { lastQuestion } from '../../contract/text.ts'
import { groundingOf } from '../cited/grounding.ts'
import { callsOf } from '../content.ts'
import type { Heard } from './heard.ts'

/**
 * What a cheap answer shows beside what it was made from: the share of it that is grounded there, or that it calls a
 * tool as an earlier step of the same task did.
 */
export function seenIn(
  { content, text }: Pick<Heard, 'content' | 'text'>,
  { request, question, passages }: Ask,
): Pick<Evidence, 'grounding' | 'repeats'> {
  const task = taskOf(request)
  const calls = callsOf([content])
  if (calls.length > 0) return isRepeated(calls, task?.steps ?? []) ? { repeats: true } : {}
  const asked = question ?? task?.question ?? lastQuestion(request)
  const grounding = groundingOf(text, { request, question: asked, passages })
  return grounding === undefined ? {} : { grounding }
}

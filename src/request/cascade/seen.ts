import type { Ask } from '../../contract/ask.ts'
import type { Evidence } from '../../contract/escalation.ts'
import { isRepeated, type Said, taskOf } from '../../contract/task.ts'
import { lastQuestion } from '../../contract/text.ts'
import { groundingOf } from '../cited/grounding.ts'

/**
 * What a cheap answer shows beside what it was made from: the share of it that is grounded there, or that it calls a
 * tool as an earlier step of the same task did.
 */
export function seenIn(
  { calls, text }: Said,
  { request, question, passages }: Ask,
): Pick<Evidence, 'grounding' | 'repeats'> {
  const task = taskOf(request)
  if (calls.length > 0) return isRepeated(calls, task?.steps ?? []) ? { repeats: true } : {}
  const asked = question ?? task?.question ?? lastQuestion(request)
  const grounding = groundingOf(text, { request, question: asked, passages })
  return grounding === undefined ? {} : { grounding }
}

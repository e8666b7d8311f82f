import type { AnswerStart } from '../contract/event.ts'
import type { Plan } from '../contract/plan.ts'

const REASON_CHARS_MAX = 400

/** The head of every answer: who answers, and why. */
export function answerHead(requestId: string, plan: Plan, start: AnswerStart): Record<string, string> {
  return {
    'x-request-id': requestId,
    'x-upshift-mode': plan.mode,
    'x-upshift-tier': start.tier,
    'x-upshift-model': headerText(start.model),
    'x-upshift-reason': reasonText(plan, start),
  }
}

/** What was decided last stands first, because a header has its bound. */
export function reasonText({ reasons }: Plan, { why }: AnswerStart): string {
  return headerText([...(why === undefined ? [] : [why]), ...reasons].join('; '))
}

/** Printable ASCII only: what a header may hold, whatever a model is called. A loss must not lose its minus sign. */
function headerText(text: string): string {
  const clean = text.replaceAll('\u2212', '-').replaceAll(/[^\x20-\x7e]/g, '?')
  return clean.length <= REASON_CHARS_MAX ? clean : `${clean.slice(0, REASON_CHARS_MAX - 3)}...`
}

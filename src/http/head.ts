import type { AnswerStart } from '../contract/event.ts'
import type { Plan } from '../contract/plan.ts'

const REASON_CHARS_MAX = 400

/** The head of every answer: who answers, and why. Names and values in turn, as Node takes them without a look-up. */
export function answerHead(requestId: string, plan: Plan, start: AnswerStart): string[] {
  return [
    'x-request-id',
    requestId,
    'x-upshift-mode',
    plan.mode,
    'x-upshift-tier',
    start.tier,
    'x-upshift-model',
    headerText(start.model),
    'x-upshift-reason',
    reasonText(plan, start),
  ]
}

/** What was decided last stands first, because a header has its bound. */
export function reasonText({ reasons }: Plan, { why }: AnswerStart): string {
  let text = why ?? ''
  for (const reason of reasons) text += text === '' ? reason : `; ${reason}`
  return headerText(text)
}

const UNPRINTABLE = /[^\x20-\x7e]/

/** Printable ASCII only: what a header may hold, whatever a model is called. A loss must not lose its minus sign. */
function headerText(text: string): string {
  const clean = UNPRINTABLE.test(text) ? printable(text) : text
  return clean.length <= REASON_CHARS_MAX ? clean : `${clean.slice(0, REASON_CHARS_MAX - 3)}...`
}

function printable(text: string): string {
  return text.replaceAll('\u2212', '-').replaceAll(/[^\x20-\x7e]/g, '?')
}

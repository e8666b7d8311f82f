import type { Ask } from '../../contract/ask.ts'
import type { Step } from '../../contract/escalation.ts'
import { lastQuestion } from '../../contract/text.ts'
import { stepOf } from './step.ts'

/** Of what a tool said last, this much counts beside the question: UTF-16 units. */
const RESULT_CHARS = 2_000

/** What a request asks, as routing looks at it. */
export interface Asked {
  /** In its user's words: without passages that were put before it, and of an agent's step that of the whole task. */
  readonly question: string
  /** What the prior reads: the question, and for a step what the last tools said. */
  readonly text: string
  /** Set where it is a step of an agent. */
  readonly step?: Step
}

export function askedOf({ request, question }: Pick<Ask, 'request' | 'question'>): Asked {
  if (question !== undefined) return { question, text: question }
  const found = stepOf(request)
  if (found === undefined) {
    const last = lastQuestion(request)
    return { question: last, text: last }
  }
  const { step, task } = found
  const said = task.results.join('\n').slice(0, RESULT_CHARS)
  return { question: task.question, text: `${task.question}\n\n${said}`, step }
}

import type { Batches } from '../../contract/ask.ts'
import type { AnswerFinish, AnswerStart, Batch } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Said } from '../../contract/task.ts'
import { assert } from '../../lib/assert.ts'
import { callsOf, textOf } from '../content.ts'

/** A whole answer of one model, before any of it has left; text and calls are those of its first choice. */
export interface Heard extends Said {
  readonly type: 'heard'
  readonly start: AnswerStart
  /** Everything between the start and the end. */
  readonly content: Batch
  readonly finish: AnswerFinish
  /** It ended by itself: it was not cut off at a limit. */
  readonly whole: boolean
}

/** Why a model gave no answer. */
export interface Unheard {
  readonly type: 'unheard'
  readonly problem: Problem
}

/** Hears an answer to its end. Its size is bounded by the turn that holds it. */
export async function hear(batches: Pick<Batches, 'next'>): Promise<Heard | Unheard> {
  const seen: Batch[] = []
  for (let over = false; !over; ) {
    const next = await batches.next()
    seen.push(next.value)
    over = next.done === true
  }
  const [start, ...rest] = seen.flat()
  const last = rest.at(-1) ?? start
  if (last?.type === 'answer-error') return { type: 'unheard', problem: last.problem }
  assert(start?.type === 'answer-start', 'an answer begins with answer-start')
  assert(last?.type === 'answer-finish', 'an answer ends with a terminal event')
  const content = rest.slice(0, -1)
  const said: Said = { text: textOf([content]), calls: callsOf([content]) }
  return { type: 'heard', start, content, finish: last, ...said, whole: !cutOff(content) }
}

/** True where a choice ended at its limit and not by itself. */
export function cutOff(content: Batch): boolean {
  return content.some((event) => {
    if (event.type === 'chunk-delta') return event.chunk.choices.some((choice) => isCut(choice.finish_reason))
    return (
      event.type === 'answer-whole' && event.completion.choices.some((choice) => isCut(choice.finish_reason))
    )
  })
}

function isCut(reason: string | null | undefined): boolean {
  return reason === 'length'
}

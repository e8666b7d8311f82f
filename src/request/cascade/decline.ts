import type { AnswerEvent, AnswerFinish, Batch } from '../../contract/event.ts'
import type { Heard } from './heard.ts'

/**
 * An answer that says that there is none: the cheap one is too likely to be wrong, and nobody above may be asked. Its
 * frame is the cheap answer's own, so that the caller gets what it asked for: a whole one or a stream.
 */
export function decline({ start, content, finish }: Heard, why: string): readonly [Batch, AnswerFinish] {
  const text = `No answer here is likely enough to be right: ${why}. Ask again with more to go by, or ask for a stronger model by its name.`
  const [frame] = content
  const said: AnswerEvent =
    frame?.type === 'answer-whole'
      ? {
          type: 'answer-whole',
          completion: {
            ...frame.completion,
            choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
          },
        }
      : {
          type: 'chunk-delta',
          chunk: {
            ...(frame?.type === 'chunk-delta' ? frame.chunk : {}),
            choices: [{ index: 0, delta: { role: 'assistant', content: text }, finish_reason: 'stop' }],
          },
        }
  return [[start, said], { ...finish, declined: true }]
}

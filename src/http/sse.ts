import type { AnswerFinish, Batch, ChunkDelta } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import { wireProblem } from './problem.ts'
import type { Summary } from './summary.ts'

/**
 * Server-sent events of a streamed chat completion: one `data:` line per chunk, `[DONE]` at the good end, and
 * at a bad end one `error` event and no `[DONE]`, so that no client takes a cut answer for a whole one.
 */
export interface StreamShape {
  readonly requestId: string
  /** The caller asked for the usage chunk. */
  readonly includeUsage: boolean
  summary(finish: AnswerFinish): Summary
}

export function encodeBatch(batch: Batch, shape: StreamShape): string {
  const end = batch.at(-1)
  const finish = end?.type === 'answer-finish' ? end : undefined
  // The last chunk that the caller sees carries the `upshift` field: it is held back until there is another.
  let held: ChunkDelta | undefined
  let text = ''
  for (const event of batch) {
    if (event.type === 'chunk-delta') {
      if (event.silent === true || (!shape.includeUsage && isUsageOnly(event))) continue
      if (finish === undefined) text += encodeChunk(event)
      else {
        if (held !== undefined) text += encodeChunk(held)
        held = event
      }
    } else if (event.type === 'answer-error') text += encodeError(event.problem, shape.requestId)
  }
  return finish === undefined ? text : text + encodeEnd(held, finish, shape)
}

function encodeChunk(event: ChunkDelta): string {
  const own = event.dialect === undefined ? event.wire : undefined
  return `data: ${own ?? JSON.stringify(event.chunk)}\n\n`
}

function encodeEnd(last: ChunkDelta | undefined, finish: AnswerFinish, shape: StreamShape): string {
  const chunk = last?.chunk ?? { object: 'chat.completion.chunk', choices: [] }
  return `data: ${JSON.stringify({ ...chunk, upshift: shape.summary(finish) })}\n\ndata: [DONE]\n\n`
}

function encodeError(problem: Problem, requestId: string): string {
  return `data: ${JSON.stringify(wireProblem(problem, requestId).body)}\n\n`
}

function isUsageOnly(event: ChunkDelta): boolean {
  return event.chunk.choices.length === 0
}

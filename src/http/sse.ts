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
  const last = batch.at(-1)
  if (last?.type === 'answer-finish') return encodeEnd(batch, last, shape)
  let text = ''
  for (const event of batch) {
    if (event.type === 'chunk-delta') text += encodeChunk(event, shape)
    else if (event.type === 'answer-error') text += encodeError(event.problem, shape.requestId)
  }
  return text
}

function encodeChunk(event: ChunkDelta, shape: StreamShape): string {
  if (event.silent === true || (isUsageOnly(event) && !shape.includeUsage)) return ''
  const own = event.dialect === undefined ? event.wire : undefined
  return `data: ${own ?? JSON.stringify(event.chunk)}\n\n`
}

/** The last chunk that the caller sees carries the `upshift` field. */
function encodeEnd(batch: Batch, finish: AnswerFinish, shape: StreamShape): string {
  const chunks = batch.filter((event) => event.type === 'chunk-delta')
  const spoken = chunks.filter((event) => event.silent !== true)
  const shown = spoken.filter((event) => shape.includeUsage || !isUsageOnly(event))
  const last = shown.at(-1)
  let text = ''
  for (const event of shown) if (event !== last) text += encodeChunk(event, shape)
  const chunk = last?.chunk ?? { object: 'chat.completion.chunk', choices: [] }
  text += `data: ${JSON.stringify({ ...chunk, upshift: shape.summary(finish) })}\n\n`
  return `${text}data: [DONE]\n\n`
}

function encodeError(problem: Problem, requestId: string): string {
  return `data: ${JSON.stringify(wireProblem(problem, requestId).body)}\n\n`
}

function isUsageOnly(event: ChunkDelta): boolean {
  return event.chunk.choices.length === 0
}

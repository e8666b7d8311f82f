import type { Answer } from '../contract/ask.ts'
import { type ChatRequest, chatRequestSchema } from '../contract/chat.ts'
import type { AnswerFinish, AnswerWhole, Batch } from '../contract/event.ts'
import type { Refusal } from '../contract/problem.ts'
import { bearer } from './credential.ts'
import type { Body, Dialect, Spoken, Writer } from './dialect.ts'
import { invalidRequest } from './invalid.ts'
import { wireProblem } from './problem.ts'
import { encodeBatch, type StreamShape } from './sse.ts'
import { summarise } from './summary.ts'

/** Chat Completions, which the path speaks itself: what comes from the engine goes out as it is. */
export const chatDialect: Dialect = {
  path: '/v1/chat/completions',
  credentialOf: bearer,
  read: readChat,
  problem: wireProblem,
}

function readChat({ id, value, bytes }: Body): Spoken | Refusal {
  const parsed = chatRequestSchema.safeParse(value)
  if (!parsed.success) return invalidRequest(parsed.error)
  const request = parsed.data
  return { ask: { request, bytes }, writer: (answer) => new ChatWriter(id, request, answer) }
}

class ChatWriter implements Writer {
  readonly #id: string
  readonly #answer: Answer
  readonly #shape: StreamShape

  constructor(id: string, request: ChatRequest, answer: Answer) {
    this.#id = id
    this.#answer = answer
    this.#shape = {
      requestId: id,
      includeUsage: request.stream_options?.include_usage === true,
      summary: (finish) => this.#summary(finish),
    }
  }

  whole({ completion }: AnswerWhole, finish: AnswerFinish): string {
    return JSON.stringify({ ...completion, upshift: this.#summary(finish) })
  }

  batch(batch: Batch): string {
    return encodeBatch(batch, this.#shape)
  }

  #summary(finish: AnswerFinish): ReturnType<typeof summarise> {
    const { plan, start } = this.#answer
    return summarise(this.#id, plan, start, finish)
  }
}

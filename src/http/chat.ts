import { type ChatRequest, chatRequestSchema } from '../contract/chat.ts'
import type { Refusal } from '../contract/problem.ts'
import type { Dialect } from './dialect.ts'
import { invalidRequest } from './invalid.ts'
import { wireProblem } from './problem.ts'
import { encodeBatch, type StreamShape } from './sse.ts'
import { summarise } from './summary.ts'

/** OpenAI's Chat Completions, which is the language inside too: a request is what was parsed. */
export const chatDialect: Dialect = {
  parse,
  whole({ id, answer }, { completion }, finish) {
    const upshift = summarise(id, answer.plan, answer.start, finish)
    return JSON.stringify({ ...completion, upshift })
  },
  stream({ id, request, answer }) {
    const shape: StreamShape = {
      requestId: id,
      includeUsage: request.stream_options?.include_usage === true,
      summary: (finish) => summarise(id, answer.plan, answer.start, finish),
    }
    return { encode: (batch) => encodeBatch(batch, shape) }
  },
  problem: wireProblem,
  head: () => ({}),
}

function parse(body: unknown): ChatRequest | Refusal {
  const parsed = chatRequestSchema.safeParse(body)
  return parsed.success ? parsed.data : invalidRequest(parsed.error)
}

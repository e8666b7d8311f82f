import * as z from 'zod'
import type { ChatRequest } from '../../contract/chat.ts'
import type { AnswerEvent, Batch } from '../../contract/event.ts'

/** What is asked of the cheap model beside what its caller asked. */
export function withMargins(request: ChatRequest): ChatRequest {
  return { ...request, logprobs: true, top_logprobs: Math.max(2, request.top_logprobs ?? 0) }
}

const toldSchema = z.looseObject({
  content: z
    .array(
      z.looseObject({
        logprob: z.number(),
        top_logprobs: z.array(z.looseObject({ logprob: z.number() })).optional(),
      }),
    )
    .nullish(),
})

/**
 * The mean over all tokens of the chosen one's probability less that of the likeliest other one, 0–1 as far as the most
 * likely one is chosen; undefined where the engine told none.
 */
export function marginOf(content: Batch): number | undefined {
  let [sum, tokens] = [0, 0]
  for (const event of content) {
    for (const logprobs of logprobsIn(event)) {
      const told = toldSchema.safeParse(logprobs)
      for (const { logprob, top_logprobs: top = [] } of told.data?.content ?? []) {
        const others = top.map((one) => one.logprob).sort((left, right) => right - left)
        const next = others.find((other, at) => other !== logprob || at > others.indexOf(logprob))
        sum += Math.max(0, Math.exp(logprob) - (next === undefined ? 0 : Math.exp(next)))
        tokens += 1
      }
    }
  }
  return tokens === 0 ? undefined : Math.min(1, sum / tokens)
}

/** The answer without what its caller did not ask for. What is changed is written anew. */
export function withoutMargins(content: Batch): Batch {
  return content.map((event): AnswerEvent => {
    if (event.type === 'chunk-delta') {
      const { wire: _, ...rest } = event
      const choices = event.chunk.choices.map(({ logprobs: __, ...choice }) => choice)
      return { ...rest, chunk: { ...event.chunk, choices } }
    }
    if (event.type !== 'answer-whole') return event
    const { wire: _, ...rest } = event
    const choices = event.completion.choices.map((choice) => ({ ...choice, logprobs: null }))
    return { ...rest, completion: { ...event.completion, choices } }
  })
}

function logprobsIn(event: AnswerEvent): readonly unknown[] {
  if (event.type === 'chunk-delta') return event.chunk.choices.map(({ logprobs }) => logprobs)
  return event.type === 'answer-whole' ? event.completion.choices.map(({ logprobs }) => logprobs) : []
}

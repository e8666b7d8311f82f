import type { AnswerEvent, Batch } from '../contract/event.ts'

/** The text and the tool calls of an answer's first choice, as the model wrote them: what a repair shows it. */
export function textOf(batches: readonly Batch[]): string {
  let text = ''
  for (const event of batches.flat()) {
    const message = messageOf(event)
    if (message === undefined) continue
    text += message.content ?? ''
    for (const call of message.tool_calls ?? []) {
      if (call.function?.name !== undefined) text += `\n${call.function.name} `
      text += call.function?.arguments ?? ''
    }
  }
  return text
}

function messageOf(event: AnswerEvent) {
  if (event.type === 'chunk-delta') return event.chunk.choices.find((choice) => choice.index === 0)?.delta
  if (event.type === 'answer-whole')
    return event.completion.choices.find((choice) => choice.index === 0)?.message
  return undefined
}

/** About how many bytes of memory a batch's text takes. Counted, so that holding back is bounded. */
export function wireBytes(batch: Batch): number {
  let bytes = 0
  for (const event of batch) {
    if (event.type === 'chunk-delta') bytes += event.wire?.length ?? JSON.stringify(event.chunk).length
    else if (event.type === 'answer-whole') bytes += JSON.stringify(event.completion).length
  }
  return bytes
}

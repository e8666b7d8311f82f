import type { WireMessage } from '../contract/chat.ts'
import type { AnswerEvent, Batch } from '../contract/event.ts'
import type { Called } from '../contract/task.ts'

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

/** The tool calls of an answer's first choice, put together from the pieces of a stream or taken from the whole. */
export function callsOf(batches: readonly Batch[]): readonly Called[] {
  const calls = new Map<number, { name: string; arguments: string }>()
  for (const event of batches.flat()) {
    for (const [at, call] of (messageOf(event)?.tool_calls ?? []).entries()) {
      const index = call.index ?? at
      const made = calls.get(index) ?? { name: '', arguments: '' }
      made.name += call.function?.name ?? ''
      made.arguments += call.function?.arguments ?? ''
      calls.set(index, made)
    }
  }
  return [...calls.values()]
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

/** Characters of text and tool arguments in a batch. */
export function charsOf(batch: Batch): number {
  let chars = 0
  for (const event of batch) {
    if (event.type === 'chunk-delta') {
      for (const { delta } of event.chunk.choices) chars += messageChars(delta)
    } else if (event.type === 'answer-whole') {
      for (const { message } of event.completion.choices) chars += messageChars(message)
    }
  }
  return chars
}

function messageChars({ content, tool_calls: calls }: WireMessage): number {
  let chars = content?.length ?? 0
  if (calls !== undefined) for (const call of calls) chars += call.function?.arguments?.length ?? 0
  return chars
}

import type { ChatCompletion, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { AnswerError, AnswerFinish, Verdict } from '../../contract/event.ts'
import type { MessagesUsage } from '../../contract/messages.ts'
import { AnswerReader, answerError, answerFinish, garbled, type Sink } from '../reader.ts'
import type { Target } from '../target.ts'
import { isRecord, problemOfErrorValue } from '../upstream.ts'
import { finishOf } from './stop.ts'
import { usageOf, wireUsageOf } from './usage.ts'

/** What the readers of one answer share. */
export interface MessagesReading {
  readonly target: Target
  readonly sink: Sink
  readonly verdicts: readonly Verdict[]
  /** Seconds since the epoch, for the `created` of a completion. */
  readonly created: number
}

/** Reads a whole `message`. */
export class MessageReader extends AnswerReader<MessagesReading> {
  protected override answer(value: unknown, text: string): AnswerFinish | AnswerError {
    const { target, sink, verdicts, created } = this.reading
    if (isRecord(value) && value['type'] === 'error') {
      return answerError(problemOfErrorValue(target, value), undefined)
    }
    const completion = completionOf(value, created)
    if (typeof completion === 'string') {
      return answerError(garbled(target, `its answer is not a message: ${completion}`), undefined)
    }
    const usage =
      isRecord(value) && isRecord(value['usage']) ? usageOf(value['usage'] as MessagesUsage) : undefined
    const told = usage === undefined ? completion : { ...completion, usage: wireUsageOf(usage) }
    const wire = ownText(value, text.trim())
    const event = { type: 'answer-whole', completion: told, wire, dialect: 'messages' } as const
    sink.event(event, text.length, true)
    return answerFinish(usage, verdicts)
  }
}

/** The text of a value without what another Upshift has put there: this one says something of its own. */
export function ownText(value: unknown, text: string): string {
  if (!isRecord(value) || !('upshift' in value)) return text
  const { upshift: _theirs, ...own } = value
  return JSON.stringify(own)
}

/** A message as a completion; a text says what is wrong with it. */
function completionOf(value: unknown, created: number): ChatCompletion | string {
  if (!isRecord(value)) return 'it is not a JSON object'
  const { content, stop_reason: reason, id, model } = value
  if (!Array.isArray(content) || !content.every(isRecord)) return 'it has no list of content blocks'
  if (typeof reason !== 'string') return 'it has no stop_reason'
  const message = messageOf(content)
  if (typeof message === 'string') return message
  const choice = { index: 0, message, logprobs: null, ...finishOf(reason, value['stop_sequence']) }
  return {
    ...(typeof id === 'string' ? { id } : {}),
    object: 'chat.completion',
    created,
    ...(typeof model === 'string' ? { model } : {}),
    choices: [choice],
  }
}

/** Blocks of types that are not known say nothing in Chat Completions. */
function messageOf(content: readonly Record<string, unknown>[]): WireMessage | string {
  let text = ''
  let thoughts = ''
  const signed: unknown[] = []
  const calls: WireToolCall[] = []
  for (const block of content) {
    if (block['type'] === 'text') {
      if (typeof block['text'] !== 'string') return 'a text block has no text'
      text += block['text']
    } else if (block['type'] === 'thinking') {
      if (typeof block['thinking'] === 'string') thoughts += block['thinking']
      signed.push(block)
    } else if (block['type'] === 'redacted_thinking') signed.push(block)
    else if (block['type'] === 'tool_use') {
      const { id, name, input } = block
      if (typeof id !== 'string' || typeof name !== 'string') return 'a tool call has no id or no name'
      calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } })
    }
  }
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
    ...(signed.length === 0 ? {} : { thinking_blocks: signed }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

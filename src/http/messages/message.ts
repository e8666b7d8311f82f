import type { Answer } from '../../contract/ask.ts'
import type { ChatRequest, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { AnswerFinish, AnswerWhole } from '../../contract/event.ts'
import type { Usage } from '../../contract/usage.ts'
import { summarise } from '../summary.ts'
import { sequencesOf, stopOf } from './stop.ts'

/** Fields in which engines put what a model thinks. */
const THOUGHTS = ['reasoning_content', 'reasoning', 'thinking'] as const

/** A request that is being answered. */
export interface Asked {
  readonly id: string
  readonly request: ChatRequest
  readonly answer: Answer
}

/** A whole answer as a `message`, in the engine's own text where that is one. */
export function messageText(asked: Asked, whole: AnswerWhole, finish: AnswerFinish): string {
  const { id, request, answer } = asked
  const upshift = summarise(id, answer.plan, answer.start, finish)
  if (whole.dialect === 'messages' && whole.wire !== undefined) return withUpshift(whole.wire, upshift)
  const choice = whole.completion.choices[0]
  const { stop } = request
  const calls = (choice?.message.tool_calls?.length ?? 0) > 0
  return JSON.stringify({
    id: messageId(id),
    type: 'message',
    role: 'assistant',
    model: whole.completion.model ?? answer.start.model,
    content: choice === undefined ? [] : contentOf(choice.message, showsThoughts(request)),
    ...stopOf(choice, sequencesOf(stop), calls),
    usage: usageOf(finish.usage),
    upshift,
  })
}

/** A JSON object's own text with one field more at its end. The object has none of that name. */
export function withUpshift(text: string, upshift: unknown): string {
  const end = text.lastIndexOf('}')
  return `${text.slice(0, end)},"upshift":${JSON.stringify(upshift)}${text.slice(end)}`
}

/** The answer's id as Anthropic's clients expect one: the request's own number. */
export function messageId(requestId: string): string {
  return `msg_${requestId.replace(/^req_/, '')}`
}

/** Thoughts are shown where they were asked for; what was thought unasked stays in the record. */
export function showsThoughts({ native }: ChatRequest): boolean {
  const thinking = native?.body['thinking']
  return (
    typeof thinking === 'object' && thinking !== null && !('type' in thinking && thinking.type === 'disabled')
  )
}

export function thoughtOf(message: WireMessage): string {
  for (const field of THOUGHTS) {
    const text = message[field]
    if (typeof text === 'string' && text !== '') return text
  }
  return ''
}

/** Tokens as Messages tells them; zeros where the engine told none. */
export function usageOf(usage: Usage | undefined): Record<string, number> {
  const read = usage?.cachedTokens ?? 0
  const written = usage?.cacheWriteTokens ?? 0
  return {
    input_tokens: Math.max(0, (usage?.promptTokens ?? 0) - read - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: usage?.completionTokens ?? 0,
  }
}

function contentOf(message: WireMessage, thoughts: boolean): unknown[] {
  const content: unknown[] = []
  const signed = signedThoughts(message)
  if (thoughts && signed.length > 0) content.push(...signed)
  else if (thoughts && thoughtOf(message) !== '') {
    content.push({ type: 'thinking', thinking: thoughtOf(message), signature: '' })
  }
  const text = `${message.content ?? ''}${message.refusal ?? ''}`
  if (text !== '') content.push({ type: 'text', text })
  for (const [at, call] of (message.tool_calls ?? []).entries()) content.push(toolUse(call, at))
  return content
}

/** Blocks of thought that their engine has signed, to be sent back as they are. */
export function signedThoughts(message: WireMessage): readonly object[] {
  const blocks = message['thinking_blocks']
  return Array.isArray(blocks)
    ? blocks.filter((block: unknown) => typeof block === 'object' && block !== null)
    : []
}

function toolUse({ id, function: called }: WireToolCall, at: number): object {
  const input: unknown = JSON.parse(objectText(called?.arguments ?? ''))
  return { type: 'tool_use', id: id ?? `toolu_${at}`, name: called?.name ?? '', input }
}

/**
 * The arguments of a call as the text of a JSON object: as they are where they are one; under a name of their own
 * where they are not, as those of an answer that was cut off.
 */
export function objectText(text: string): string {
  if (text.trim() === '') return '{}'
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text
  } catch {
    return JSON.stringify({ arguments: text })
  }
  return JSON.stringify({ arguments: text })
}

import type { ChatMessage } from '../contract/chat.ts'
import type { Quirks } from './quirks.ts'
import type { LeftOut } from './steering.ts'
import { isRecord } from './upstream.ts'

/**
 * The messages as an engine takes them: what other dialects have said of them is put into the field that the engine
 * has for it, or left out. The same list where there is nothing of the kind, which is nearly always.
 *
 * @param left - gets an entry for whatever was left out
 */
export function withoutExtensions(
  messages: readonly ChatMessage[],
  { kind, reasoningField }: Quirks,
  left: LeftOut,
): readonly object[] {
  if (!messages.some((message) => message.role === 'assistant' && message.extensions !== undefined)) {
    return messages
  }
  return messages.map((message) => {
    if (message.role !== 'assistant' || message.extensions === undefined) return message
    const { extensions, ...rest } = message
    for (const name of Object.keys(extensions)) {
      if (name !== 'reasoning_items') left.set('an extension of a message', 'it is not known here')
    }
    if (extensions.reasoning_items === undefined) return rest
    const reasoning = reasoningOf(message)
    if (reasoningField !== undefined && reasoning !== undefined)
      return { ...rest, [reasoningField]: reasoning }
    const why =
      reasoning === undefined
        ? 'it is encrypted, or empty'
        : `an engine of kind ${kind} has no field that it is known to take it in`
    left.set('reasoning of an earlier turn', why)
    return rest
  })
}

/**
 * What an assistant's message says of the reasoning before it, as text; undefined where it says none that can be read.
 * Source: the reasoning item of OpenAI's Responses, whose text stands in the parts of `content`, or else of `summary`.
 */
export function reasoningOf(message: ChatMessage): string | undefined {
  if (message.role !== 'assistant') return undefined
  const texts = (message.extensions?.reasoning_items ?? []).flatMap((item) => {
    if (!isRecord(item)) return []
    const full = partTexts(item['content'])
    return full.length > 0 ? full : partTexts(item['summary'])
  })
  return texts.length === 0 ? undefined : texts.join('\n\n')
}

function partTexts(parts: unknown): string[] {
  if (!Array.isArray(parts)) return []
  return parts.flatMap((part) => (isRecord(part) && typeof part['text'] === 'string' ? [part['text']] : []))
}

import type { ChatMessage, ChatRequest } from './chat.ts'

/** The texts of a message, in order: never its images, audio or files. */
export function textsOf({ content }: Pick<ChatMessage, 'content'>): readonly string[] {
  if (typeof content === 'string') return [content]
  return (content ?? []).flatMap((part) => (part.type === 'text' ? [part.text] : []))
}

/** The text of the last message from the user; empty where there is none. */
export function lastQuestion(request: ChatRequest): string {
  const last = request.messages.findLast((message) => message.role === 'user')
  return last === undefined ? '' : textsOf(last).join('\n')
}

/** The texts of all other messages, in order, each under its role; empty where there are none. */
export function besideLastQuestion(request: ChatRequest): string {
  const { messages } = request
  const last = messages.findLastIndex(({ role }) => role === 'user')
  return messages
    .flatMap((message, at) => {
      const text = textsOf(message).join('\n')
      return at === last || text === '' ? [] : [`${message.role}:\n${text}`]
    })
    .join('\n\n')
}

/** What a message has that is no text: the type of its first image, audio or file. */
export function mediumIn({ content }: Pick<ChatMessage, 'content'>): string | undefined {
  if (typeof content === 'string' || content == null) return undefined
  return content.find(({ type }) => type !== 'text' && type !== 'refusal')?.type
}

/** UTF-16 units of text in all messages. */
export function textChars(request: ChatRequest): number {
  let chars = 0
  for (const { content } of request.messages) {
    if (typeof content === 'string') chars += content.length
    else for (const part of content ?? []) if (part.type === 'text') chars += part.text.length
  }
  return chars
}

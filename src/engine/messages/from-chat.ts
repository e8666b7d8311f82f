import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { textsOf } from '../../contract/text.ts'
import { isRecord } from '../upstream.ts'

/** A content block as Messages has it. */
export type Block = Record<string, unknown>

export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string | Block[]
}

/** Messages in the form of the Messages API; `left` names what had no place in it. */
export interface Conversation {
  readonly system: string | Block[] | undefined
  readonly turns: Turn[]
}

/**
 * Chat messages as Messages has them. System messages go to the front, wherever they stood; results of tools become
 * blocks of the user's next turn; turns of one role in a row become one. Refuses what Messages cannot take.
 *
 * @param left - gets the name of whatever was left out
 */
export function conversationOf(messages: readonly ChatMessage[], left: Set<string>): Conversation | Refusal {
  const system: Block[] = []
  const turns: { role: 'user' | 'assistant'; content: Block[] }[] = []
  for (const [at, message] of messages.entries()) {
    if ('name' in message && message.name !== undefined) left.add('the name of a message')
    if (message.role === 'system' || message.role === 'developer') {
      if (turns.length > 0) left.add('the place of a system message in mid-conversation')
      system.push(...textBlocks(message))
      continue
    }
    const blocks = message.role === 'assistant' ? assistantBlocks(message, left) : userBlocks(message, at)
    if (!Array.isArray(blocks)) return blocks
    if (blocks.length === 0) continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    if (last?.role === role) last.content.push(...blocks)
    else turns.push({ role, content: blocks })
  }
  return { system: system.length === 0 ? undefined : shortest(system), turns: turns.map(shortened) }
}

function shortened({ role, content }: { role: Turn['role']; content: Block[] }): Turn {
  return { role, content: shortest(content) }
}

/** One plain text needs no list. */
function shortest(blocks: Block[]): string | Block[] {
  const [first] = blocks
  const plain = blocks.length === 1 && first?.['type'] === 'text' && Object.keys(first).length === 2
  return plain ? String(first?.['text']) : blocks
}

/** Empty texts are refused by the API, and say nothing. A mark of the prompt cache stays on its part. */
function textBlocks({ content }: Pick<ChatMessage, 'content'>): Block[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return (content ?? []).flatMap((part) => (part.type === 'text' ? textBlock(part) : []))
}

function textBlock(part: { readonly text: string; readonly [field: string]: unknown }): Block[] {
  if (part.text === '') return []
  const mark = part['cache_control']
  return [{ type: 'text', text: part.text, ...(mark === undefined ? {} : { cache_control: mark }) }]
}

function userBlocks(message: Extract<ChatMessage, { role: 'user' | 'tool' }>, at: number): Block[] | Refusal {
  if (message.role === 'tool') {
    const texts = textsOf(message)
    const content = texts.length === 1 ? texts[0] : textBlocks(message)
    return [{ type: 'tool_result', tool_use_id: toolId(message.tool_call_id), content }]
  }
  if (typeof message.content === 'string') return textBlocks(message)
  const blocks: Block[] = []
  for (const [place, part] of message.content.entries()) {
    const param = `messages[${at}].content[${place}]`
    if (part.type === 'text') blocks.push(...textBlock(part))
    else if (part.type === 'refusal') blocks.push({ type: 'text', text: part.refusal })
    else if (part.type === 'image_url') blocks.push({ type: 'image', source: sourceOf(part.image_url.url) })
    else {
      const document = part.type === 'file' ? documentOf(part.file) : undefined
      if (document === undefined) return untaken(part.type, param)
      blocks.push(document)
    }
  }
  return blocks
}

function untaken(type: string, param: string): Refusal {
  const message =
    type === 'file'
      ? `${param} is a file that an engine of Anthropic cannot take: send a PDF by value, as file_data.`
      : `${param} is of the type ${type}, which an engine of Anthropic cannot take. Leave it out, or use another model.`
  return refuse('invalid_request', message, { param })
}

const DATA_URL = /^data:([^;,]{1,100})(?:;[^,;]{0,100})*;base64,/

/** What lies by value in a data URL (RFC 2397), else where it lies. */
function sourceOf(url: string): Block {
  const match = DATA_URL.exec(url)
  if (match === null) return { type: 'url', url }
  return { type: 'base64', media_type: match[1], data: url.slice(match[0].length) }
}

function documentOf(file: Record<string, unknown>): Block | undefined {
  const data = file['file_data']
  const name = file['filename']
  if (typeof data !== 'string' || !DATA_URL.test(data)) return undefined
  return {
    type: 'document',
    source: sourceOf(data),
    ...(typeof name === 'string' && name !== '' ? { title: name } : {}),
  }
}

function assistantBlocks(message: Extract<ChatMessage, { role: 'assistant' }>, left: Set<string>): Block[] {
  const blocks = signedThoughts(message['thinking_blocks'], left)
  blocks.push(...textBlocks(message))
  if (message.refusal) blocks.push({ type: 'text', text: message.refusal })
  for (const { id, function: called } of message.tool_calls ?? []) {
    blocks.push({
      type: 'tool_use',
      id: toolId(id),
      name: called.name,
      input: inputOf(called.arguments, left),
    })
  }
  return blocks
}

/** Thoughts with the signature that Anthropic gave them, as `thinking_blocks` of an answer hold them. */
function signedThoughts(value: unknown, left: Set<string>): Block[] {
  if (!Array.isArray(value)) return []
  const signed = value.filter(isRecord).filter(isSigned)
  if (signed.length < value.length) left.add('a thought without a signature')
  return signed
}

export function isSigned(block: Block): boolean {
  if (block['type'] === 'redacted_thinking') return true
  return block['type'] === 'thinking' && typeof block['signature'] === 'string' && block['signature'] !== ''
}

/** Arguments that are no JSON object are what a model printed wrongly: they stay, under a name of their own. */
function inputOf(text: string, left: Set<string>): unknown {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value)) return value
  } catch {
    left.add('the form of tool arguments that are no JSON object')
    return { arguments: text }
  }
  left.add('the form of tool arguments that are no JSON object')
  return { arguments: text }
}

/** Other engines' ids may hold what Anthropic refuses; the same id always becomes the same one. */
export function toolId(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_-]/g, '_')
}

/** Tools, and which of them must be called. */
export function toolsOf(request: ChatRequest): Record<string, unknown> {
  const { tools, tool_choice: choice, parallel_tool_calls: parallel } = request
  if (tools === undefined || tools.length === 0) return {}
  const single = parallel === false ? { disable_parallel_tool_use: true } : {}
  return {
    tools: tools.map(({ function: { name, description, parameters, strict } }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      input_schema: { type: 'object', ...(parameters ?? { properties: {} }) },
      ...(strict === true ? { strict } : {}),
    })),
    ...(choice === undefined && parallel !== false ? {} : { tool_choice: choiceOf(choice, single) }),
  }
}

function choiceOf(choice: ChatRequest['tool_choice'], single: object): object {
  if (choice === 'none') return { type: 'none' }
  if (choice === 'required') return { type: 'any', ...single }
  if (typeof choice === 'object') return { type: 'tool', name: choice.function.name, ...single }
  return { type: 'auto', ...single }
}

/**
 * DESIGN. The one parser between an engine's JSON and our types. It checks what the path relies on (choices,
 * deltas, text, tool calls, finish reasons) and leaves every other field alone. Engines that are slightly off are
 * put right rather than refused, where what they meant is certain:
 *
 * - a choice without `index` is the only one, or stands at its place in the list;
 * - a missing or null `delta` is empty;
 * - `content` as a list of parts (Mistral's reasoning models) becomes text and `reasoning_content`;
 * - a tool call's name or arguments may be null, its arguments an object;
 * - a tool-call delta without `index`, or with one that another call has taken, gets the right one (ToolIndexes).
 *
 * What was put right no longer equals its original text, so that text is dropped. Anything else that does not
 * fit is garbage, and named.
 */
import type { ChatChunk, ChatCompletion, WireUsage } from '../contract/chat.ts'
import { isIndex, ToolIndexes } from './tool-indexes.ts'
import { isRecord } from './upstream.ts'

export type Read<T> =
  | { readonly type: 'read'; readonly value: T; readonly changed: boolean }
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'garbled'; readonly why: string }

type Loose = Record<string, unknown>

/** Reads one `chat.completion.chunk`; `indexes` remembers the stream's tool calls. */
export function readChunk(value: unknown, indexes: ToolIndexes): Read<ChatChunk> {
  return readChoices<ChatChunk>(value, 'delta', indexes)
}

/** Reads a whole `chat.completion`. */
export function readCompletion(value: unknown): Read<ChatCompletion> {
  const read = readChoices<ChatCompletion>(value, 'message', new ToolIndexes())
  if (read.type === 'read' && read.value.choices.length === 0) return garbled('it has no choices')
  return read
}

function readChoices<T extends ChatChunk | ChatCompletion>(
  value: unknown,
  part: 'delta' | 'message',
  indexes: ToolIndexes,
): Read<T> {
  if (!isRecord(value)) return garbled('it is not a JSON object')
  if (isError(value)) return { type: 'error', error: value }
  const { choices } = value
  if (!Array.isArray(choices)) return garbled('it has no list of choices')
  if (value['usage'] !== undefined && value['usage'] !== null && !isRecord(value['usage'])) {
    return garbled('its usage is not an object')
  }
  let changed = false
  for (let place = 0; place < choices.length; place++) {
    const choice: unknown = choices[place]
    if (!isRecord(choice)) return garbled('a choice is not an object')
    const put = readChoice(choice, place, part, indexes)
    if (typeof put === 'string') return garbled(put)
    changed ||= put
  }
  // Everything that the type promises has been checked or put right above.
  return { type: 'read', value: value as unknown as T, changed }
}

/** True where the choice had to be put right; a text says what is wrong with it. */
function readChoice(
  choice: Loose,
  place: number,
  part: 'delta' | 'message',
  indexes: ToolIndexes,
): boolean | string {
  let changed = false
  const { index, finish_reason: finish } = choice
  if (index === undefined || index === null) {
    choice['index'] = place
    changed = true
  } else if (!isIndex(index)) return 'the index of a choice is not a whole number'
  if (finish !== undefined && finish !== null && typeof finish !== 'string')
    return 'finish_reason is not a text'
  const message = choice[part]
  if (message === undefined || message === null) {
    if (part === 'message') return 'a choice has no message'
    choice[part] = {}
    return true
  }
  if (!isRecord(message)) return `the ${part} of a choice is not an object`
  const put = readMessage(message, part, indexes, Number(choice['index']))
  return typeof put === 'string' ? put : put || changed
}

function readMessage(
  message: Loose,
  part: 'delta' | 'message',
  indexes: ToolIndexes,
  choice: number,
): boolean | string {
  let changed = false
  const { content, refusal, role, tool_calls: calls } = message
  if (Array.isArray(content)) {
    if (!flattenContent(message, content)) return 'a part of the content is not an object'
    changed = true
  } else if (content !== undefined && content !== null && typeof content !== 'string') {
    return 'content is neither text nor null'
  }
  if (refusal !== undefined && refusal !== null && typeof refusal !== 'string') return 'refusal is not a text'
  if (role === null) {
    delete message['role'] // Mistral: every delta but the first
    changed = true
  } else if (role !== undefined && typeof role !== 'string') return 'role is not a text'
  if (calls === undefined) return changed
  if (calls === null) {
    delete message['tool_calls']
    return true
  }
  if (!Array.isArray(calls)) return 'tool_calls is not a list'
  for (const call of calls) {
    if (!isRecord(call)) return 'a tool call is not an object'
    const put = readToolCall(call)
    if (typeof put === 'string') return put
    const moved = part === 'delta' && indexes.place(choice, call)
    if (typeof moved === 'string') return moved
    changed ||= put || moved
  }
  return changed
}

function readToolCall(call: Loose): boolean | string {
  let changed = dropNull(call, 'id') || dropNull(call, 'type') || dropNull(call, 'function')
  const { id, index, function: called } = call
  if (index === null) {
    delete call['index']
    changed = true
  } else if (index !== undefined && !isIndex(index)) return 'the index of a tool call is not a whole number'
  if (id !== undefined && typeof id !== 'string') return 'the id of a tool call is not a text'
  if (called === undefined) return changed
  if (!isRecord(called)) return 'the function of a tool call is not an object'
  changed = dropNull(called, 'name') || changed
  changed = dropNull(called, 'arguments') || changed
  if (called['name'] !== undefined && typeof called['name'] !== 'string')
    return 'the name of a tool is not a text'
  if (isRecord(called['arguments'])) {
    called['arguments'] = JSON.stringify(called['arguments'])
    return true
  }
  if (called['arguments'] !== undefined && typeof called['arguments'] !== 'string') {
    return 'the arguments of a tool call are not a text'
  }
  return changed
}

function dropNull(from: Loose, field: string): boolean {
  if (from[field] !== null) return false
  delete from[field]
  return true
}

/**
 * Mistral: `[{type: 'text', text}, {type: 'thinking', thinking: [{type: 'text', text}]}]`. Thoughts go where
 * vLLM, SGLang, DeepSeek, xAI and llama.cpp put them. https://docs.mistral.ai/capabilities/reasoning/
 */
function flattenContent(message: Loose, parts: readonly unknown[]): boolean {
  if (!parts.every(isRecord)) return false
  const text = parts.map((part) => textOf(part['text'])).join('')
  const thoughts = parts.map((part) => textOf(part['thinking'])).join('')
  message['content'] = text
  if (thoughts !== '') message['reasoning_content'] = thoughts
  return true
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return Array.isArray(value)
    ? value.map((part) => (isRecord(part) ? textOf(part['text']) : '')).join('')
    : ''
}

/** An error in place of a chunk: OpenAI's and most engines' form, and the one of older vLLM and SGLang. */
function isError(value: Loose): boolean {
  return (value['error'] !== undefined && value['error'] !== null) || value['object'] === 'error'
}

function garbled(why: string): { readonly type: 'garbled'; readonly why: string } {
  return { type: 'garbled', why }
}

/** The usage in a chunk or completion: at its top, or under the engine's own field. */
export function usageIn(value: ChatChunk | ChatCompletion, under: string | undefined): WireUsage | undefined {
  if (value.usage !== undefined && value.usage !== null) return value.usage
  const inner: unknown = under === undefined ? undefined : value[under]
  return isRecord(inner) && isRecord(inner['usage']) ? inner['usage'] : undefined
}

/** Whether a delta says anything: a role alone, empty texts and empty lists do not. */
export function carriesContent(chunk: ChatChunk): boolean {
  for (const choice of chunk.choices) {
    if (typeof choice.finish_reason === 'string') return true
    const { delta } = choice
    for (const field in delta) {
      const value = delta[field]
      if (field === 'role' || value === null || value === undefined || value === '') continue
      if (!Array.isArray(value) || value.length > 0) return true
    }
  }
  return false
}

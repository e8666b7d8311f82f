import type { ChatMessage } from '../../contract/chat.ts'
import type { Verdict } from '../../contract/event.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import type { FunctionCallOutput, InputItem, MessageItem, MessagePart } from './wire.ts'

type Assistant = Extract<ChatMessage, { role: 'assistant' }>
type Part = Extract<Extract<ChatMessage, { role: 'user' }>['content'], unknown[]>[number]
/** What a caller says: never a refusal, which is the model's word. */
type Content = Exclude<Part, { type: 'refusal' }>

/** Items, and parts of their content, in one conversation: as many values as one body may hold unless configured. */
const PIECES_MAX = 32_768

/** What a model said and did in one turn: items that Chat Completions has in one message. */
interface Turn {
  content: string | undefined
  refusal: string | undefined
  readonly calls: NonNullable<Assistant['tool_calls']>
  readonly reasoning: unknown[]
}

/**
 * DESIGN. Items become messages one by one. What a model says in a turn (reasoning, a message, calls) is gathered into
 * one assistant's message, and ends with whatever comes from outside. An output belongs to a call before it, and every
 * call has one: engines refuse it otherwise, each in words of its own.
 */
export class Conversation {
  readonly messages: ChatMessage[] = []
  #turn: Turn | undefined
  /** Ids of calls that wait for their outputs. An engine may give an id again in a later turn. */
  readonly #waiting: string[] = []
  #pieces = 0
  #lostReasoning = false

  /** Takes the next item; `param` names it in a refusal. */
  add(item: Exclude<InputItem, { type: 'item_reference' }>, param: string): Refusal | undefined {
    this.#pieces += 1 + (Array.isArray(item.content) ? item.content.length : 0)
    if (this.#pieces > PIECES_MAX) return tooMany(param)
    switch (item.type) {
      case 'reasoning':
        this.#next().reasoning.push(item)
        return undefined
      case 'function_call': {
        const { call_id: id, name, arguments: text } = item
        this.#assistant().calls.push({ id, type: 'function', function: { name, arguments: text } })
        this.#waiting.push(id)
        return undefined
      }
      case 'function_call_output':
        return this.#output(item, param)
      default:
        return this.#message(item, param)
    }
  }

  /** After the last item: a call without its output is refused. */
  end(): Refusal | undefined {
    this.#flush()
    const [id] = this.#waiting
    if (id === undefined) return undefined
    const message = `The function call ${shown(id)} has no output. Send a function_call_output with its call_id.`
    return refuse('invalid_request', message, { param: 'input' })
  }

  get verdicts(): readonly Verdict[] {
    if (!this.#lostReasoning) return []
    const detail = 'a reasoning item was left out: no message of the assistant follows it'
    return [{ check: 'request-field', outcome: 'skipped', detail }]
  }

  #message(item: MessageItem, param: string): Refusal | undefined {
    const { role, content } = item
    if (role === 'assistant') return this.#said(content, param)
    this.#flush()
    if (role === 'user') {
      const parts = typeof content === 'string' ? content : userContent(content, param)
      if (isRefusal(parts)) return parts
      this.messages.push({ role, content: parts })
      return undefined
    }
    const text = typeof content === 'string' ? content : textContent(content, `a ${role} message`, param)
    if (isRefusal(text)) return text
    this.messages.push({ role, content: text })
    return undefined
  }

  #said(content: MessageItem['content'], param: string): Refusal | undefined {
    const turn = this.#next()
    if (typeof content === 'string') {
      turn.content = (turn.content ?? '') + content
      return undefined
    }
    for (const [at, part] of content.entries()) {
      if (part.type === 'output_text' || part.type === 'input_text') {
        turn.content = (turn.content ?? '') + part.text
      } else if (part.type === 'refusal') turn.refusal = (turn.refusal ?? '') + part.refusal
      else return misplaced(part.type, 'an assistant’s message', `${param}.content[${at}]`)
    }
    return undefined
  }

  #output({ call_id: id, output }: FunctionCallOutput, param: string): Refusal | undefined {
    const at = this.#waiting.indexOf(id)
    if (at === -1) {
      const message = `There is no function call ${shown(id)} before its output. Send the function_call item too, or go on with previous_response_id.`
      return refuse('invalid_request', message, { param: `${param}.call_id` })
    }
    this.#waiting.splice(at, 1)
    this.#flush()
    const content = typeof output === 'string' ? output : textContent(output, 'an output', param, 'output')
    if (isRefusal(content)) return content
    this.messages.push({ role: 'tool', tool_call_id: id, content })
    return undefined
  }

  /** The turn that is under way, or a new one. */
  #assistant(): Turn {
    this.#turn ??= { content: undefined, refusal: undefined, calls: [], reasoning: [] }
    return this.#turn
  }

  /** The same, but a turn that has had its message is over, unless it calls: its calls stay together. */
  #next(): Turn {
    if (this.#turn?.content !== undefined && this.#turn.calls.length === 0) this.#flush()
    return this.#assistant()
  }

  #flush(): void {
    const turn = this.#turn
    if (turn === undefined) return
    this.#turn = undefined
    const { content, refusal, calls, reasoning } = turn
    if (content === undefined && refusal === undefined && calls.length === 0) {
      this.#lostReasoning = true
      return
    }
    this.messages.push({
      role: 'assistant',
      content: content ?? null,
      ...(refusal === undefined ? {} : { refusal }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(reasoning.length === 0 ? {} : { extensions: { reasoning_items: reasoning } }),
    })
  }
}

/** A single text stays a text: not every engine's template reads a list. */
function userContent(parts: readonly MessagePart[], param: string): string | Content[] | Refusal {
  const [only] = parts
  if (parts.length === 1 && only?.type === 'input_text') return only.text
  const content: Content[] = []
  for (const [at, part] of parts.entries()) {
    const put = userPart(part, `${param}.content[${at}]`)
    if (isRefusal(put)) return put
    content.push(put)
  }
  return content
}

function userPart(part: MessagePart, param: string): Content | Refusal {
  switch (part.type) {
    case 'input_text':
      return { type: 'text', text: part.text }
    case 'input_image': {
      const { image_url: url, detail } = part
      if (url == null) {
        const message = 'An image is sent as image_url, a data: URL or an address: no files are kept here.'
        return refuse('invalid_request', message, { param: `${param}.image_url` })
      }
      return { type: 'image_url', image_url: { url, ...(detail == null ? {} : { detail }) } }
    }
    case 'input_file': {
      const { file_data, file_id, file_url, filename } = part
      if (file_url != null || (file_data == null && file_id == null)) {
        const message = 'A file is sent as file_data, base64 with its filename: nothing is fetched here.'
        return refuse('invalid_request', message, { param: `${param}.file_data` })
      }
      const file = { file_data, file_id, filename }
      return { type: 'file', file: Object.fromEntries(Object.entries(file).filter(([, one]) => one != null)) }
    }
    case 'input_audio':
      return { type: 'input_audio', input_audio: part.input_audio }
    default:
      return misplaced(part.type, 'a user’s message', param)
  }
}

function textContent(
  parts: readonly MessagePart[],
  where: string,
  param: string,
  field = 'content',
): string | { type: 'text'; text: string }[] | Refusal {
  const texts: { type: 'text'; text: string }[] = []
  for (const [at, part] of parts.entries()) {
    if (part.type !== 'input_text') return misplaced(part.type, where, `${param}.${field}[${at}]`)
    texts.push({ type: 'text', text: part.text })
  }
  const [only] = texts
  return texts.length === 1 && only !== undefined ? only.text : texts
}

function misplaced(type: string, where: string, param: string): Refusal {
  const message = `A part of type ${type} cannot stand in ${where}: no engine is known to take it there. Send an image or a file in a user’s message.`
  return refuse('invalid_request', message, { param })
}

function tooMany(param: string): Refusal {
  const message = `The conversation has more than ${PIECES_MAX} items and parts. Begin a new one, with a summary of what was said.`
  return refuse('too_many_values', message, { param })
}

const SHOWN_CHARS = 100

function shown(id: string): string {
  return JSON.stringify(id.slice(0, SHOWN_CHARS))
}

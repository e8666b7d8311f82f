import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import type { Verdict } from '../../contract/event.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { type History, personOf } from './history.ts'
import { Conversation } from './messages.ts'
import { leftOut, OURS } from './unserved.ts'
import type { FunctionTool, ResponsesRequest } from './wire.ts'

/** A request of Responses in Chat Completions' terms, and what of it could not be said there. */
export interface Translated {
  readonly request: ChatRequest
  readonly verdicts: readonly Verdict[]
}

/**
 * Refuses items that make no conversation, and a choice of tools that are not offered. Who goes on with a conversation
 * and names nobody goes on with the same person: an erasure of that person takes this one's texts too.
 */
export function translate(request: ResponsesRequest, history: History): Translated | Refusal {
  const conversation = new Conversation()
  for (const { item, param } of history.items) {
    const refusal = conversation.add(item, param)
    if (refusal !== undefined) return refusal
  }
  const unended = conversation.end()
  if (unended !== undefined) return unended
  const tools = toolsOf(request)
  if (isRefusal(tools)) return tools
  const { instructions } = request
  const messages: ChatMessage[] = conversation.messages
  if (messages.length === 0) {
    return refuse('invalid_request', 'There is nothing to answer: send input.', { param: 'input' })
  }
  if (instructions != null && instructions !== '') messages.unshift({ role: 'system', content: instructions })
  const person = personOf(request) ?? history.person
  return {
    request: {
      ...passedOn(request),
      model: request.model,
      messages,
      ...tools,
      ...formOf(request),
      ...(person === undefined ? {} : { user: person }),
    },
    verdicts: [...leftOut(request), ...conversation.verdicts],
  }
}

/** Fields that mean the same in Chat Completions, and those of an engine's own. */
function passedOn(request: ResponsesRequest): Record<string, unknown> {
  const passed = Object.entries(request).filter(([field, value]) => !OURS.has(field) && value !== null)
  return Object.fromEntries(passed)
}

/** What differs by its name or its place. */
function formOf(request: ResponsesRequest): Partial<ChatRequest> {
  const { max_output_tokens: limit, top_logprobs: top, include, reasoning, text, service_tier } = request
  const logprobs = include?.includes('message.output_text.logprobs') === true || (top ?? 0) > 0
  return {
    ...(limit == null ? {} : { max_completion_tokens: limit }),
    ...(logprobs ? { logprobs } : {}),
    ...(top == null || top === 0 ? {} : { top_logprobs: top }),
    ...(reasoning?.effort == null ? {} : { reasoning_effort: reasoning.effort }),
    ...(text?.verbosity == null ? {} : { verbosity: text.verbosity }),
    ...(service_tier == null || service_tier === 'auto' ? {} : { service_tier }),
    ...responseFormat(text?.format ?? undefined),
  }
}

function responseFormat(
  format: NonNullable<ResponsesRequest['text']>['format'] | undefined,
): Pick<ChatRequest, 'response_format'> {
  if (format == null || format.type === 'text') return {}
  if (format.type === 'json_object') return { response_format: { type: 'json_object' } }
  const { name, schema, description, strict } = format
  return {
    response_format: {
      type: 'json_schema',
      json_schema: {
        name,
        schema,
        ...(description === undefined ? {} : { description }),
        ...(strict == null ? {} : { strict }),
      },
    },
  }
}

type ToolFields = Pick<ChatRequest, 'tools' | 'tool_choice' | 'parallel_tool_calls'>

/** Tools nested as in Chat Completions. Of `allowed_tools` only those that are allowed are offered at all. */
function toolsOf(request: ResponsesRequest): ToolFields | Refusal {
  const { tool_choice: choice, parallel_tool_calls: parallel } = request
  const offered = request.tools ?? []
  const wanted = wantedOf(choice)
  const missing = wanted?.some((name) => !offered.some((tool) => tool.name === name)) === true
  if (missing || (choice === 'required' && offered.length === 0)) {
    const message = 'tool_choice asks for a tool that tools does not offer. Offer it, or choose another.'
    return refuse('invalid_request', message, { param: 'tool_choice' })
  }
  const narrows = typeof choice === 'object' && choice?.type === 'allowed_tools'
  const allowed = narrows ? offered.filter(({ name }) => wanted?.includes(name) === true) : offered
  if (allowed.length === 0) return {}
  return {
    tools: allowed.map(nested),
    ...choiceOf(choice),
    ...(parallel == null ? {} : { parallel_tool_calls: parallel }),
  }
}

type ToolChoice = ResponsesRequest['tool_choice']

/** The names that a choice speaks of; undefined where it speaks of none. */
function wantedOf(choice: ToolChoice): readonly string[] | undefined {
  if (choice == null || typeof choice === 'string') return undefined
  return choice.type === 'function' ? [choice.name] : choice.tools.map(({ name }) => name)
}

function choiceOf(choice: ToolChoice): Pick<ChatRequest, 'tool_choice'> {
  if (choice == null) return {}
  if (typeof choice === 'string') return { tool_choice: choice }
  if (choice.type === 'allowed_tools') return { tool_choice: choice.mode }
  return { tool_choice: { type: 'function', function: { name: choice.name } } }
}

function nested(tool: FunctionTool): NonNullable<ChatRequest['tools']>[number] {
  const { name, description, parameters, strict } = tool
  return {
    type: 'function',
    function: {
      name,
      ...(description == null ? {} : { description }),
      ...(parameters == null ? {} : { parameters }),
      ...(strict == null ? {} : { strict }),
    },
  }
}

import { chatRequestSchema } from '../../contract/chat.ts'
import type { Verdict } from '../../contract/event.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { type FunctionTool, type ResponsesRequest, responsesRequestSchema } from './wire.ts'

/** Fields that are refused unless their value asks for nothing, and what to do instead. */
const UNSERVED: Readonly<Record<string, { asks(value: unknown): boolean; readonly why: string }>> = {
  background: {
    asks: (value) => value !== null && value !== false,
    why: 'answers are made while the caller waits: leave it out, and stream',
  },
  conversation: {
    asks: (value) => value !== null,
    why: 'conversations are not kept: go on with previous_response_id, or send the items',
  },
  prompt: {
    asks: (value) => value !== null,
    why: 'there are no prompt templates here: send the text itself',
  },
  context_management: {
    asks: (value) => value !== null && !(Array.isArray(value) && value.length === 0),
    why: 'nothing compacts a conversation here: send fewer items',
  },
  moderation: {
    asks: (value) => value !== null,
    why: 'no moderation model runs here: leave it out, and see docs/guard.md for what is checked',
  },
  access_programs: { asks: (value) => value !== null, why: 'only OpenAI has access programs: leave it out' },
}

const HINTS: Readonly<Record<string, string>> = {
  messages: 'input',
  max_tokens: 'max_output_tokens',
  max_completion_tokens: 'max_output_tokens',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
  logprobs: 'top_logprobs, or include message.output_text.logprobs',
}

/** Fields of Chat Completions that would stand beside the field that says the same here. */
const CHAT_ONLY: ReadonlySet<string> = new Set(
  Object.keys(chatRequestSchema.shape).filter((field) => !Object.hasOwn(responsesRequestSchema.shape, field)),
)

/** Why a request cannot be served, by the first field that asks for what is not here. */
export function unserved(request: ResponsesRequest): Refusal | undefined {
  for (const [field, value] of Object.entries(request)) {
    const row = Object.hasOwn(UNSERVED, field) ? UNSERVED[field] : undefined
    if (row?.asks(value) === true) {
      return refuse('invalid_request', `${field} is not served: ${row.why}.`, { param: field })
    }
    if (!CHAT_ONLY.has(field)) continue
    const hint = Object.hasOwn(HINTS, field) ? ` Write ${HINTS[field]} instead.` : ' Leave it out.'
    const message = `${field} is a field of Chat Completions, not of Responses.${hint}`
    return refuse('invalid_request', message, { param: field })
  }
  return undefined
}

/** Fields that are dealt with here and never reach an engine under their own names. */
export const OURS: ReadonlySet<string> = new Set([
  ...Object.keys(UNSERVED),
  'image',
  'max_tool_calls',
  ...Object.keys(responsesRequestSchema.shape).filter(
    (field) => !Object.hasOwn(chatRequestSchema.shape, field),
  ),
  'metadata',
  'parallel_tool_calls',
  'stream_options',
  'tool_choice',
  'tools',
  'top_logprobs',
  'user',
])

/** What asked for something and is left out. What a caller wrote does not stand in it: verdicts go into the log. */
export function leftOut(request: ResponsesRequest): Verdict[] {
  const { include, reasoning, stream_options, tools, truncation } = request
  const verdicts: Verdict[] = []
  const add = (field: string, why: string): void => {
    verdicts.push({ check: 'request-field', outcome: 'skipped', detail: `${field} was left out: ${why}` })
  }
  if (truncation === 'auto') add('truncation', 'nothing is cut from a conversation here')
  if (include?.includes('reasoning.encrypted_content') === true) {
    add('include reasoning.encrypted_content', 'reasoning comes as text, and is not encrypted')
  }
  if (include?.some((one) => /^(?:file_search|web_search|computer|code_interpreter)/.test(one)) === true) {
    add('a part of include', 'it is of a hosted tool, and none runs here')
  }
  for (const summary of [reasoning?.summary, reasoning?.generate_summary]) {
    if (summary === 'concise' || summary === 'detailed') {
      add('reasoning.summary', 'reasoning is passed on as the engine tells it')
    }
  }
  const { context, mode } = reasoning ?? {}
  if (context != null && context !== 'auto') {
    add('reasoning.context', 'an engine takes the reasoning of earlier turns as its model is made')
  }
  if (mode != null && mode !== 'standard') add('reasoning.mode', 'no engine is known to have modes')
  const { user, safety_identifier: person } = request
  if (user && person && user !== person) add('safety_identifier', 'the request is about its user')
  if (stream_options?.include_obfuscation === true) add('include_obfuscation', 'events are not padded')
  if (request['image'] != null) add('image', 'images are passed on as they are')
  if (tools?.some(hasMore) === true) add('a field of a tool', 'no engine is known to take it')
  return verdicts
}

const TOOL_FIELDS: ReadonlySet<string> = new Set(['type', 'name', 'description', 'parameters', 'strict'])

function hasMore(tool: FunctionTool): boolean {
  return Object.entries(tool).some(
    ([field, value]) => !TOOL_FIELDS.has(field) && value !== null && value !== false,
  )
}

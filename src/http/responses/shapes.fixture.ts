import * as z from 'zod'

/**
 * What OpenAI documents of a response and its events, written from the public reference (read 2026-11) and not from
 * our code: strict, so that a field which the reference does not know fails. Only `upshift` is ours.
 */
const text = z.string()
const count = z.number().int().min(0)
const status = z.enum(['in_progress', 'completed', 'incomplete'])

const topLogprob = z.strictObject({ token: text, logprob: z.number(), bytes: z.array(count) })
const logprob = topLogprob.extend({ top_logprobs: z.array(topLogprob) })

const outputText = z.strictObject({
  type: z.literal('output_text'),
  text,
  annotations: z.array(z.never()),
  logprobs: z.array(logprob).optional(),
})
const refusal = z.strictObject({ type: z.literal('refusal'), refusal: text })
const contentPart = z.discriminatedUnion('type', [outputText, refusal])
const summaryPart = z.strictObject({ type: z.literal('summary_text'), text })

const message = z.strictObject({
  id: text.startsWith('msg_'),
  type: z.literal('message'),
  role: z.literal('assistant'),
  status,
  content: z.array(contentPart),
})
const functionCall = z.strictObject({
  id: text.startsWith('fc_'),
  type: z.literal('function_call'),
  status,
  call_id: text.min(1),
  name: text.min(1),
  arguments: text,
})
const reasoning = z.strictObject({
  id: text.startsWith('rs_'),
  type: z.literal('reasoning'),
  summary: z.array(summaryPart),
  status,
})
export const outputItem = z.discriminatedUnion('type', [message, functionCall, reasoning])

const usage = z.strictObject({
  input_tokens: count,
  input_tokens_details: z.strictObject({ cached_tokens: count, cache_write_tokens: count }),
  output_tokens: count,
  output_tokens_details: z.strictObject({ reasoning_tokens: count }),
  total_tokens: count,
})

const functionTool = z.strictObject({
  type: z.literal('function'),
  name: text,
  description: text.nullable().optional(),
  parameters: z.record(text, z.unknown()).nullable(),
  strict: z.boolean().nullable(),
})
const namedFunction = z.strictObject({ type: z.literal('function'), name: text })
const allowedTools = z.strictObject({
  type: z.literal('allowed_tools'),
  mode: z.enum(['auto', 'required']),
  tools: z.array(namedFunction),
})
const format = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  z.strictObject({
    type: z.literal('json_schema'),
    name: text,
    schema: z.record(text, z.unknown()),
    description: text.optional(),
    strict: z.boolean().nullable().optional(),
  }),
])
const reasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
const errorCode = z.enum(['server_error', 'rate_limit_exceeded', 'invalid_prompt'])

export const responseShape = z.strictObject({
  id: text.regex(/^resp_[0-9a-z]{26}$/),
  object: z.literal('response'),
  created_at: count,
  completed_at: count.nullable().optional(),
  status: z.enum(['completed', 'failed', 'in_progress', 'cancelled', 'queued', 'incomplete']),
  error: z
    .strictObject({
      code: errorCode,
      message: text,
      type: text.nullable().optional(),
      param: text.nullable().optional(),
    })
    .nullable(),
  incomplete_details: z.strictObject({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
  access_programs: z.null(),
  background: z.boolean().nullable(),
  instructions: text.nullable(),
  max_output_tokens: count.nullable(),
  max_tool_calls: count.nullable(),
  metadata: z.record(text, text).nullable(),
  model: text,
  output: z.array(outputItem),
  parallel_tool_calls: z.boolean(),
  previous_response_id: text.nullable(),
  prompt_cache_key: text.nullable(),
  reasoning: z.strictObject({
    effort: reasoningEffort.nullable(),
    summary: z.enum(['auto', 'concise', 'detailed']).nullable(),
  }),
  safety_identifier: text.nullable(),
  service_tier: text.nullable().optional(),
  store: z.boolean(),
  temperature: z.number().nullable(),
  text: z.strictObject({ format, verbosity: z.enum(['low', 'medium', 'high']).optional() }),
  tool_choice: z.union([z.enum(['none', 'auto', 'required']), namedFunction, allowedTools]),
  tools: z.array(functionTool),
  top_logprobs: count.nullable(),
  top_p: z.number().nullable(),
  truncation: z.enum(['auto', 'disabled']).nullable(),
  usage: usage.nullable(),
  user: text.optional(),
  upshift: z.looseObject({ request_id: text.startsWith('req_') }).optional(),
})

const numbered = { sequence_number: count }
const item = { ...numbered, output_index: count }
const inItem = { ...item, item_id: text }
const inPart = { ...inItem, content_index: count }
const inSummary = { ...inItem, summary_index: count }
const lifecycle = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), ...numbered, response: responseShape })
const itemEvent = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), ...item, item: outputItem })
const partEvent = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), ...inPart, part: contentPart })
const summaryEvent = <Type extends string>(type: Type) =>
  z.strictObject({ type: z.literal(type), ...inSummary, part: summaryPart })

export const eventShape = z.discriminatedUnion('type', [
  lifecycle('response.created'),
  lifecycle('response.in_progress'),
  lifecycle('response.completed'),
  lifecycle('response.incomplete'),
  lifecycle('response.failed'),
  itemEvent('response.output_item.added'),
  itemEvent('response.output_item.done'),
  partEvent('response.content_part.added'),
  partEvent('response.content_part.done'),
  summaryEvent('response.reasoning_summary_part.added'),
  summaryEvent('response.reasoning_summary_part.done'),
  z.strictObject({
    type: z.literal('response.output_text.delta'),
    ...inPart,
    delta: text.min(1),
    logprobs: z.array(logprob),
  }),
  z.strictObject({
    type: z.literal('response.output_text.done'),
    ...inPart,
    text,
    logprobs: z.array(logprob),
  }),
  z.strictObject({ type: z.literal('response.refusal.delta'), ...inPart, delta: text.min(1) }),
  z.strictObject({ type: z.literal('response.refusal.done'), ...inPart, refusal: text }),
  z.strictObject({
    type: z.literal('response.function_call_arguments.delta'),
    ...inItem,
    delta: text.min(1),
  }),
  z.strictObject({ type: z.literal('response.function_call_arguments.done'), ...inItem, arguments: text }),
  z.strictObject({
    type: z.literal('response.reasoning_summary_text.delta'),
    ...inSummary,
    delta: text.min(1),
  }),
  z.strictObject({ type: z.literal('response.reasoning_summary_text.done'), ...inSummary, text }),
  z.strictObject({
    type: z.literal('error'),
    ...numbered,
    code: text.nullable(),
    message: text,
    param: text.nullable(),
  }),
])

export type ResponseEvent = z.infer<typeof eventShape>
export type ResponseShape = z.infer<typeof responseShape>
export type OutputItemShape = z.infer<typeof outputItem>

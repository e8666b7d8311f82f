import * as z from 'zod'
import { chatRequestSchema } from '../../contract/chat.ts'

/**
 * The body of POST /v1/responses. Source: the public reference of OpenAI's Responses API (read 2026-11). As in Chat
 * Completions, objects are loose: what is not named here is an engine's own. What has a name and no meaning here is
 * refused in `unserved.ts`, or named in a verdict; nothing is passed over in silence.
 */
const NAME_CHARS_MAX = 128
const METADATA_PAIRS_MAX = 16

const inputText = z.looseObject({ type: z.literal('input_text'), text: z.string() })
const inputImage = z.looseObject({
  type: z.literal('input_image'),
  image_url: z.string().nullable().optional(),
  file_id: z.string().nullable().optional(),
  detail: z.enum(['auto', 'low', 'high', 'original']).nullable().optional(),
})
const inputFile = z.looseObject({
  type: z.literal('input_file'),
  file_data: z.string().nullable().optional(),
  file_id: z.string().nullable().optional(),
  file_url: z.string().nullable().optional(),
  filename: z.string().nullable().optional(),
})
const inputAudio = z.looseObject({
  type: z.literal('input_audio'),
  input_audio: z.looseObject({ data: z.string(), format: z.string() }),
})
const outputText = z.looseObject({ type: z.literal('output_text'), text: z.string() })
const refusal = z.looseObject({ type: z.literal('refusal'), refusal: z.string() })

const PARTS = { error: 'expected text, or a list of content parts' }
const messageParts = z.discriminatedUnion('type', [
  inputText,
  inputImage,
  inputFile,
  inputAudio,
  outputText,
  refusal,
])

const messageItem = z.looseObject({
  type: z.literal('message').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(messageParts).min(1)], PARTS),
})
const functionCall = z.looseObject({
  type: z.literal('function_call'),
  call_id: z.string().min(1),
  name: z.string().min(1).max(NAME_CHARS_MAX),
  arguments: z.string(),
})
const functionCallOutput = z.looseObject({
  type: z.literal('function_call_output'),
  call_id: z.string().min(1),
  output: z.union(
    [z.string(), z.array(z.discriminatedUnion('type', [inputText, inputImage, inputFile])).min(1)],
    PARTS,
  ),
})
const reasoning = z.looseObject({
  type: z.literal('reasoning'),
  summary: z.array(z.looseObject({})),
  content: z.array(z.looseObject({})).nullable().optional(),
  encrypted_content: z.string().nullable().optional(),
})
const itemReference = z.looseObject({ type: z.literal('item_reference'), id: z.string().min(1) })

const inputItem = z.discriminatedUnion(
  'type',
  [messageItem, functionCall, functionCallOutput, reasoning, itemReference],
  { error: (issue) => (issue.code === 'invalid_union' ? strangeItem(issue.input) : undefined) },
)

const functionTool = z.looseObject({
  type: z.literal('function'),
  name: z.string().min(1).max(NAME_CHARS_MAX),
  description: z.string().nullable().optional(),
  parameters: z.looseObject({}).nullable().optional(),
  strict: z.boolean().nullable().optional(),
})
const tool = z.discriminatedUnion('type', [functionTool], {
  error: (issue) => (issue.code === 'invalid_union' ? strangeTool(issue.input) : undefined),
})

const namedFunction = z.looseObject({ type: z.literal('function'), name: z.string().min(1) })
const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion(
    'type',
    [
      namedFunction,
      z.looseObject({
        type: z.literal('allowed_tools'),
        mode: z.enum(['auto', 'required']),
        tools: z
          .array(
            z.discriminatedUnion('type', [namedFunction], {
              error: (issue) => (issue.code === 'invalid_union' ? strangeTool(issue.input) : undefined),
            }),
          )
          .min(1),
      }),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? strangeTool(issue.input) : undefined) },
  ),
])

const textFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    schema: z.looseObject({}),
    description: z.string().optional(),
    strict: z.boolean().nullable().optional(),
  }),
])

const INCLUDABLE = [
  'message.output_text.logprobs',
  'reasoning.encrypted_content',
  'message.input_image.image_url',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
] as const

const { shape: chat } = chatRequestSchema
const tokens = z.number().int().min(1).max(10_000_000)
const detail = z.enum(['auto', 'concise', 'detailed']).nullable().optional()

export const responsesRequestSchema = z.looseObject({
  model: chat.model,
  input: z.union([z.string(), z.array(inputItem)], { error: 'expected text, or a list of items' }).optional(),
  instructions: z.string().nullable().optional(),
  previous_response_id: z
    .string()
    .max(256)
    .nullable()
    .optional()
    .meta({ description: 'Go on from this response, which the same key has stored.' }),
  store: z
    .boolean()
    .nullable()
    .optional()
    .meta({ description: 'Whether it can be read again and gone on from; true where absent.' }),
  stream: z.boolean().nullable().optional(),
  stream_options: z
    .looseObject({ include_obfuscation: z.boolean().nullable().optional() })
    .nullable()
    .optional(),
  max_output_tokens: tokens.nullable().optional(),
  max_tool_calls: z.number().int().min(1).nullable().optional(),
  temperature: chat.temperature,
  top_p: chat.top_p,
  top_logprobs: chat.top_logprobs,
  include: z.array(z.enum(INCLUDABLE)).nullable().optional(),
  reasoning: z
    .looseObject({
      effort: chat.reasoning_effort,
      summary: detail,
      generate_summary: detail,
    })
    .nullable()
    .optional(),
  text: z
    .looseObject({
      format: textFormat.nullable().optional(),
      verbosity: z.enum(['low', 'medium', 'high']).nullable().optional(),
    })
    .nullable()
    .optional(),
  tools: z.array(tool).max(256).nullable().optional(),
  tool_choice: toolChoice.nullable().optional(),
  parallel_tool_calls: z.boolean().nullable().optional(),
  truncation: z.enum(['auto', 'disabled']).nullable().optional(),
  metadata: z
    .record(z.string().max(64), z.string().max(512))
    .refine((pairs) => Object.keys(pairs).length <= METADATA_PAIRS_MAX, {
      message: `it may have ${METADATA_PAIRS_MAX} pairs`,
    })
    .nullable()
    .optional(),
  user: z.string().max(512).nullable().optional(),
  safety_identifier: z.string().max(512).nullable().optional(),
  service_tier: z.string().max(64).nullable().optional(),
  // Chat Completions’ own, which engines on this machine take.
  seed: chat.seed,
  stop: chat.stop,
  presence_penalty: chat.presence_penalty,
  frequency_penalty: chat.frequency_penalty,
  logit_bias: chat.logit_bias,
  upshift: chat.upshift,
})

export type ResponsesRequest = z.infer<typeof responsesRequestSchema>
export type InputItem = z.infer<typeof inputItem>
export type MessageItem = z.infer<typeof messageItem>
export type MessagePart = z.infer<typeof messageParts>
export type FunctionCallOutput = z.infer<typeof functionCallOutput>
export type FunctionTool = z.infer<typeof functionTool>

/** Types of tools and items that OpenAI runs, or that only its own models have: named, so that a refusal can say so. */
const HOSTED =
  /^(?:web_search|file_search|computer|code_interpreter|image_generation|mcp|local_shell|shell|apply_patch|tool_search|namespace|programmatic_tool_calling|program|compaction|configuration_update|additional_tools)/

function strangeItem(item: unknown): string {
  const type = typeOf(item)
  if (type !== undefined && /^custom_tool_call/.test(type)) return CUSTOM
  if (type !== undefined && HOSTED.test(type)) {
    return `${JSON.stringify(type)} is of a tool or a state that OpenAI keeps itself, and Upshift has none: leave the item out`
  }
  return 'it takes message, function_call, function_call_output, reasoning or item_reference'
}

const CUSTOM = 'custom tools are not served: offer a function with one text parameter instead'

function strangeTool(tool: unknown): string {
  const type = typeOf(tool)
  if (type === 'custom') return CUSTOM
  if (type !== undefined && HOSTED.test(type)) {
    return `Upshift runs no hosted tools, and ${JSON.stringify(type)} is one: offer a function, and run it in your application`
  }
  return 'it takes a function'
}

const SHOWN_TYPE_CHARS = 64

function typeOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  return typeof value.type === 'string' ? value.type.slice(0, SHOWN_TYPE_CHARS) : undefined
}

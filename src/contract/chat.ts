import * as z from 'zod'
import { documentFilterSchema } from './filter.ts'
import type { NativeRequest } from './native.ts'

/**
 * OpenAI's Chat Completions, which nearly every engine speaks and which is the language inside too.
 * Source: the public API reference of POST /v1/chat/completions (read 2026-11). Objects are loose: a field
 * that is not named here reaches the upstream as it came, unless it would undo the plan (engine/steering.ts).
 */
const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })
const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() })
const imagePart = z.looseObject({
  type: z.literal('image_url'),
  image_url: z.looseObject({ url: z.string(), detail: z.string().optional() }),
})
const audioPart = z.looseObject({
  type: z.literal('input_audio'),
  input_audio: z.looseObject({ data: z.string(), format: z.string() }),
})
const filePart = z.looseObject({ type: z.literal('file'), file: z.looseObject({}) })
const contentPart = z.discriminatedUnion('type', [textPart, imagePart, audioPart, filePart, refusalPart])

const PARTS = { error: 'expected text, or a list of content parts' }
const textContent = z.union([z.string(), z.array(textPart).min(1)], PARTS)
const toolCall = z.looseObject({
  id: z.string(),
  type: z.literal('function'),
  function: z.looseObject({ name: z.string().min(1), arguments: z.string() }),
})

/**
 * What another dialect says of a message that Chat Completions has no field for. Opaque on the path. An engine that
 * knows a name takes it; for every other it is left out, with a verdict (engine/extensions.ts).
 */
const extensions = z
  .looseObject({
    /** Reasoning items of OpenAI's Responses that stood before the message. */
    reasoning_items: z.array(z.unknown()).optional(),
  })
  .meta({ description: 'What another dialect says of the message. It reaches no engine as it stands.' })

const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.literal('system'), content: textContent, name: z.string().optional() }),
  z.looseObject({ role: z.literal('developer'), content: textContent, name: z.string().optional() }),
  z.looseObject({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(contentPart).min(1)], PARTS),
    name: z.string().optional(),
  }),
  z.looseObject({
    role: z.literal('assistant'),
    content: z.union([z.string(), z.array(contentPart), z.null()], PARTS).optional(),
    name: z.string().optional(),
    refusal: z.union([z.string(), z.null()]).optional(),
    tool_calls: z.array(toolCall).optional(),
    extensions: extensions.optional(),
  }),
  z.looseObject({ role: z.literal('tool'), content: textContent, tool_call_id: z.string() }),
])

const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string().min(1).max(128),
    description: z.string().optional(),
    parameters: z.looseObject({}).optional(),
    strict: z.boolean().nullable().optional(),
  }),
})

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string().min(1) }) }),
])

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({
      name: z.string().min(1),
      schema: z.looseObject({}).optional(),
      strict: z.boolean().nullable().optional(),
    }),
  }),
])

/** What a caller may ask of Upshift itself, beside OpenAI's fields. It never reaches an engine. */
export const upshiftField = z
  .strictObject({
    mode: z.enum(['auto', 'direct', 'retrieve']).optional().meta({
      description: 'How to answer: from a model, from passages, or as Upshift thinks best.',
    }),
    collection: z.string().min(1).max(64).optional().meta({
      description:
        'A collection of documents to answer from, with citations that code has checked. It implies the mode `retrieve`.',
    }),
    filter: documentFilterSchema.optional(),
  })
  .refine(({ mode, collection }) => collection === undefined || mode !== 'direct', {
    error: 'a collection is answered from by retrieval: leave the mode out, or make it `retrieve`',
    path: ['mode'],
  })
  .refine(({ filter, collection }) => filter === undefined || collection !== undefined, {
    error: 'a filter chooses among the documents of a collection: name the collection too',
    path: ['filter'],
  })
  .meta({ description: 'Options of Upshift itself.' })

/** Put there at the edge by another dialect's translation, and by no caller: nobody would have checked it. */
const reserved = z
  .custom<NativeRequest>((value) => value === undefined, { error: 'the field is Upshift’s own' })
  .meta({ description: 'Upshift’s own: a request that brings it is refused.' })

const tokens = z.number().int().min(1).max(10_000_000)

export const chatRequestSchema = z.looseObject({
  model: z.string().min(1).max(256).meta({ description: '`auto`, a tier, an alias, or an exact model.' }),
  messages: z.array(message).min(1),
  stream: z.boolean().nullable().optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullable().optional(),
  max_tokens: tokens.nullable().optional(),
  max_completion_tokens: tokens.nullable().optional(),
  temperature: z.number().min(0).max(2).nullable().optional(),
  top_p: z.number().min(0).max(1).nullable().optional(),
  n: z.number().int().min(1).max(16).nullable().optional(),
  stop: z
    .union([z.string(), z.array(z.string()).max(16)])
    .nullable()
    .optional(),
  seed: z.number().int().nullable().optional(),
  logprobs: z.boolean().nullable().optional(),
  top_logprobs: z.number().int().min(0).max(20).nullable().optional(),
  logit_bias: z.record(z.string(), z.number()).nullable().optional(),
  presence_penalty: z.number().min(-2).max(2).nullable().optional(),
  frequency_penalty: z.number().min(-2).max(2).nullable().optional(),
  reasoning_effort: z
    .enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
    .nullable()
    .optional(),
  tools: z.array(tool).max(256).optional(),
  tool_choice: toolChoice.optional(),
  parallel_tool_calls: z.boolean().optional(),
  response_format: responseFormat.optional(),
  user: z.string().max(512).optional(),
  metadata: z.record(z.string(), z.unknown()).nullable().optional(),
  upshift: upshiftField.optional(),
  native: reserved.optional(),
})

export type ChatRequest = z.infer<typeof chatRequestSchema>
export type ChatMessage = z.infer<typeof message>

/** What an engine sends back. Loose and mostly optional: engines differ, and what they add passes through. */
export interface WireUsage {
  readonly prompt_tokens?: number
  readonly completion_tokens?: number
  readonly total_tokens?: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number } | null
  readonly [field: string]: unknown
}

export interface WireToolCall {
  readonly index?: number
  readonly id?: string
  readonly type?: string
  readonly function?: { readonly name?: string; readonly arguments?: string }
}

export interface WireMessage {
  readonly role?: string
  readonly content?: string | null
  readonly refusal?: string | null
  readonly tool_calls?: readonly WireToolCall[]
  readonly [field: string]: unknown
}

export interface WireChoice {
  readonly index: number
  readonly finish_reason?: string | null
  readonly logprobs?: unknown
  readonly [field: string]: unknown
}

/** One `chat.completion.chunk`. */
export interface ChatChunk {
  readonly id?: string
  readonly model?: string
  readonly choices: readonly (WireChoice & { readonly delta: WireMessage })[]
  readonly usage?: WireUsage | null
  readonly [field: string]: unknown
}

/** One whole `chat.completion`. */
export interface ChatCompletion {
  readonly id?: string
  readonly model?: string
  readonly choices: readonly (WireChoice & { readonly message: WireMessage })[]
  readonly usage?: WireUsage | null
  readonly [field: string]: unknown
}

import * as z from 'zod'
import { upshiftField } from './chat.ts'

/**
 * Anthropic's Messages API as callers may use it here. Source: the public API reference of POST /v1/messages (read
 * 2026-11). Objects are loose: what is not named here reaches an engine that speaks Messages as it came, unless it
 * would undo the plan. Blocks and tools of other types are refused by name: server tools are run and billed by the
 * provider beyond the price held, and uploaded files belong to the account of the engine's key.
 */
const cacheControl = z
  .looseObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
  .nullable()
  .optional()

const named = (types: string) => ({ error: `expected one of the types that are served: ${types}` })

const textBlock = z.looseObject({ type: z.literal('text'), text: z.string(), cache_control: cacheControl })

const base64Source = z.looseObject({
  type: z.literal('base64'),
  media_type: z.string().min(1).max(100),
  data: z.string().min(1),
})
const urlSource = z.looseObject({ type: z.literal('url'), url: z.string().min(1).max(8_192) })

const imageBlock = z.looseObject({
  type: z.literal('image'),
  source: z.discriminatedUnion('type', [base64Source, urlSource], named('base64, url')),
  cache_control: cacheControl,
})

const textOrImage = z.discriminatedUnion('type', [textBlock, imageBlock], named('text, image'))
const PARTS = { error: 'expected text, or a list of content blocks' }

const documentBlock = z.looseObject({
  type: z.literal('document'),
  source: z.discriminatedUnion(
    'type',
    [
      base64Source,
      z.looseObject({
        type: z.literal('text'),
        media_type: z.string().max(100).optional(),
        data: z.string(),
      }),
      z.looseObject({
        type: z.literal('content'),
        content: z.union([z.string(), z.array(textOrImage)], PARTS),
      }),
      urlSource,
    ],
    named('base64, text, content, url'),
  ),
  title: z.string().nullable().optional(),
  context: z.string().nullable().optional(),
  cache_control: cacheControl,
})

const toolResultBlock = z.looseObject({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1).max(256),
  content: z
    .union(
      [
        z.string(),
        z.array(
          z.discriminatedUnion(
            'type',
            [textBlock, imageBlock, documentBlock],
            named('text, image, document'),
          ),
        ),
      ],
      PARTS,
    )
    .optional(),
  is_error: z.boolean().optional(),
  cache_control: cacheControl,
})

const toolUseBlock = z.looseObject({
  type: z.literal('tool_use'),
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(128),
  input: z.looseObject({}),
  cache_control: cacheControl,
})

const thinkingBlock = z.looseObject({
  type: z.literal('thinking'),
  thinking: z.string(),
  signature: z.string(),
})
const redactedBlock = z.looseObject({ type: z.literal('redacted_thinking'), data: z.string() })

const userBlock = z.discriminatedUnion(
  'type',
  [textBlock, imageBlock, documentBlock, toolResultBlock],
  named('text, image, document, tool_result'),
)
const assistantBlock = z.discriminatedUnion(
  'type',
  [textBlock, thinkingBlock, redactedBlock, toolUseBlock],
  named('text, thinking, redacted_thinking, tool_use'),
)

const message = z.discriminatedUnion(
  'role',
  [
    z.looseObject({ role: z.literal('user'), content: z.union([z.string(), z.array(userBlock)], PARTS) }),
    z.looseObject({
      role: z.literal('assistant'),
      content: z.union([z.string(), z.array(assistantBlock)], PARTS),
    }),
    z.looseObject({ role: z.literal('system'), content: z.union([z.string(), z.array(textBlock)], PARTS) }),
  ],
  { error: 'expected user, assistant or system' },
)

const tool = z.looseObject({
  type: z
    .literal('custom', {
      error: 'only custom tools are served: a tool that the provider defines or runs is not passed on',
    })
    .nullable()
    .optional(),
  name: z.string().min(1).max(128),
  description: z.string().optional(),
  input_schema: z.looseObject({}),
  cache_control: cacheControl,
})

const parallel = { disable_parallel_tool_use: z.boolean().optional() }
const toolChoice = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('auto'), ...parallel }),
    z.looseObject({ type: z.literal('any'), ...parallel }),
    z.looseObject({ type: z.literal('tool'), name: z.string().min(1).max(128), ...parallel }),
    z.looseObject({ type: z.literal('none') }),
  ],
  { error: 'expected auto, any, tool or none' },
)

const outputFormat = z.looseObject({ type: z.literal('json_schema'), schema: z.looseObject({}) })

const fields = {
  model: z.string().min(1).max(256).meta({ description: '`auto`, a tier, an alias, or an exact model.' }),
  messages: z.array(message).min(1),
  system: z.union([z.string(), z.array(textBlock)], PARTS).optional(),
  tools: z.array(tool).max(256).optional(),
  tool_choice: toolChoice.optional(),
  thinking: z
    .looseObject({
      type: z.string().min(1).max(64),
      budget_tokens: z.number().int().min(1).max(10_000_000).optional(),
    })
    .optional(),
  output_config: z
    .looseObject({
      effort: z.string().max(64).nullable().optional(),
      format: outputFormat.nullable().optional(),
    })
    .optional(),
  cache_control: cacheControl,
  upshift: upshiftField.optional(),
}

export const messagesRequestSchema = z.looseObject({
  ...fields,
  max_tokens: z.number().int().min(1).max(10_000_000),
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string().min(1).max(1_024)).max(64).optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.number().int().min(0).max(1_000_000).optional(),
  metadata: z
    .looseObject({
      user_id: z.string().max(512).nullable().optional().meta({ description: 'Whom the request is about.' }),
    })
    .optional(),
})

/** What else may stand in it has no tokens, and is not looked at. */
export const countRequestSchema = z.object(fields)

export type MessagesRequest = z.infer<typeof messagesRequestSchema>
export type CountRequest = z.infer<typeof countRequestSchema>
export type MessagesMessage = z.infer<typeof message>
export type UserBlock = z.infer<typeof userBlock>
export type AssistantBlock = z.infer<typeof assistantBlock>
export type ToolResultBlock = z.infer<typeof toolResultBlock>
export type DocumentBlock = z.infer<typeof documentBlock>
export type ImageBlock = z.infer<typeof imageBlock>
export type TextBlock = z.infer<typeof textBlock>

/** Tokens as Messages tells them: what was read from the cache or written to it is not among `input_tokens`. */
export interface MessagesUsage {
  readonly input_tokens?: number | null
  readonly output_tokens?: number | null
  readonly cache_creation_input_tokens?: number | null
  readonly cache_read_input_tokens?: number | null
  readonly cache_creation?: { readonly ephemeral_1h_input_tokens?: number | null } | null
  readonly output_tokens_details?: { readonly thinking_tokens?: number | null } | null
}

/** Why a message ended. */
export const STOP_REASONS = [
  'end_turn',
  'max_tokens',
  'stop_sequence',
  'tool_use',
  'pause_turn',
  'refusal',
  'model_context_window_exceeded',
] as const
export type StopReason = (typeof STOP_REASONS)[number]

export function isStopReason(value: unknown): value is StopReason {
  return STOP_REASONS.some((reason) => reason === value)
}

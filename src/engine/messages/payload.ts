import type { Call } from '../../contract/call.ts'
import type { ChatRequest } from '../../contract/chat.ts'
import type { Verdict } from '../../contract/event.ts'
import { countRequestSchema, messagesRequestSchema } from '../../contract/messages.ts'
import type { NativeRequest } from '../../contract/native.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { type LeftOut, withoutSteering } from '../steering.ts'
import type { Target } from '../target.ts'
import { isRecord } from '../upstream.ts'
import { type Block, conversationOf, isSigned, type Turn, toolId, toolsOf } from './from-chat.ts'

/** A request as it is sent to POST …/messages. */
export interface MessagesPayload {
  /** The fields of the body, in the order in which they are sent. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly betas: readonly string[]
  /** Names every field that was left out although it asked for something. */
  readonly verdicts: readonly Verdict[]
}

/**
 * The request as an engine that speaks Messages understands it. Where its caller spoke Messages it is the caller's
 * own body, in the caller's order: only the model, the bound on the output and what would undo the plan are changed.
 * Else it is translated. Refuses what cannot be said: several choices, a sound.
 */
export function buildPayload(target: Target, call: Call): MessagesPayload | Refusal {
  const { native } = call.request
  return native?.dialect === 'messages' ? nativePayload(target, call, native) : translated(target, call)
}

/** The fields that POST …/messages/count_tokens takes; any other is refused there. */
export function countFields({ fields }: MessagesPayload): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => COUNTED.has(field)))
}

const COUNTED = new Set(Object.keys(countRequestSchema.shape))
const KNOWN = new Set(Object.keys(messagesRequestSchema.shape))

function nativePayload(target: Target, call: Call, native: NativeRequest): MessagesPayload | Refusal {
  const left: LeftOut = new Map()
  const lost = new Set<string>()
  const added = conversationOf(call.request.messages.slice(native.messages), lost)
  if (isRefusal(added)) return added
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(native.body)) {
    if (field === 'upshift') continue
    if (field === 'model') fields[field] = target.name
    else if (field === 'max_tokens') fields[field] = call.maxOutputTokens
    else if (field === 'messages') fields[field] = [...mended(value, lost), ...added.turns]
    else if (KNOWN.has(field) || onlyClears(field, value)) fields[field] = value
    else {
      const passed = withoutSteering(field, value, target.offMachine, left)
      if (passed !== undefined) fields[field] = passed
    }
  }
  const betas = native.betas.filter((beta) => {
    const dear = target.offMachine && beta.startsWith(LONG_CONTEXT)
    if (dear) left.set(`the beta ${LONG_CONTEXT}`, 'long prompts then cost more than the price held')
    return !dear
  })
  return { fields, betas, verdicts: verdictsOf(left, lost) }
}

/** Opens a context of a million tokens where it is no model's own, at a higher price. */
const LONG_CONTEXT = 'context-1m'

/** Context that is cleared costs nothing; what else may be asked there (a summary) is another generation. */
function onlyClears(field: string, value: unknown): boolean {
  if (field !== 'context_management' || !isRecord(value) || !Array.isArray(value['edits'])) return false
  return value['edits'].every((edit: unknown) => isRecord(edit) && /^clear_/.test(String(edit['type'])))
}

/** Messages that this engine can take: thoughts that it has not signed are another's, and ids are in its alphabet. */
function mended(value: unknown, lost: Set<string>): readonly unknown[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((message: unknown) => {
    if (!isRecord(message) || !Array.isArray(message['content'])) return [message]
    const content = message['content'].filter(isRecord)
    if (!content.some(isForeign)) return [message]
    const kept = content.filter((block) => block['type'] !== 'thinking' || isSigned(block)).map(withOwnId)
    if (kept.length < content.length) lost.add('a thought without a signature')
    return kept.length === 0 ? [] : [{ ...message, content: kept }]
  })
}

const ID_FIELDS: Readonly<Record<string, string>> = { tool_use: 'id', tool_result: 'tool_use_id' }

function isForeign(block: Block): boolean {
  return (block['type'] === 'thinking' && !isSigned(block)) || withOwnId(block) !== block
}

function withOwnId(block: Block): Block {
  const field = ID_FIELDS[String(block['type'])]
  const id = field === undefined ? undefined : block[field]
  if (field === undefined || typeof id !== 'string') return block
  const own = toolId(id)
  return own === id ? block : { ...block, [field]: own }
}

function translated(target: Target, call: Call): MessagesPayload | Refusal {
  const { request } = call
  if ((request.n ?? 1) !== 1) {
    const message = `Engine ${target.engine} writes one answer to a request, and n asks for ${request.n}. Send n requests, or use another model.`
    return refuse('invalid_request', message, { param: 'n' })
  }
  const left: LeftOut = new Map()
  const lost = new Set<string>()
  const conversation = conversationOf(request.messages, lost)
  if (isRefusal(conversation)) return conversation
  const fields: Record<string, unknown> = {
    model: target.name,
    max_tokens: call.maxOutputTokens,
    ...systemOf(conversation.system, request),
    messages: conversation.turns satisfies readonly Turn[],
    ...(request.stream === true ? { stream: true } : {}),
    ...toolsOf(request),
    ...samplingOf(request, left),
    ...formatOf(request),
  }
  for (const [field, value] of Object.entries(request)) {
    if (value == null || TRANSLATED.has(field)) continue
    if (OWN_WORDS.has(field)) fields[field] = isRecord(value) ? { ...value, ...Object(fields[field]) } : value
    else if (!isNeutral(field, value))
      left.set(TOLD.has(field) ? field : 'a field', 'Messages has no such field')
  }
  return { fields, betas: [], verdicts: verdictsOf(left, lost) }
}

/** Fields of Chat Completions whose meaning has found its place. */
const TRANSLATED = new Set(
  'model messages stream stream_options max_tokens max_completion_tokens n stop temperature top_p tools tool_choice parallel_tool_calls response_format user upshift native'.split(
    ' ',
  ),
)
/** Words of Messages that a caller may use in a chat request as well: they go on as they came. */
const OWN_WORDS = new Set(['thinking', 'top_k', 'output_config', 'cache_control'])
/** Fields that a verdict names; any other name is the caller's own, and stays out of the record. */
const TOLD = new Set(
  'seed logprobs top_logprobs logit_bias presence_penalty frequency_penalty reasoning_effort metadata service_tier'.split(
    ' ',
  ),
)

function isNeutral(field: string, value: unknown): boolean {
  if (value === false || value === 0) return true
  if (field === 'service_tier') return value === 'auto' || value === 'default'
  if (field === 'reasoning_effort') return value === 'none'
  return typeof value === 'object' && Object.keys(Object(value)).length === 0
}

function samplingOf(request: ChatRequest, left: LeftOut): Record<string, unknown> {
  const { temperature, top_p, stop, user } = request
  if (temperature != null && temperature > 1)
    left.set('temperature above 1', 'Messages knows none: 1 was sent')
  const stops = typeof stop === 'string' ? [stop] : (stop ?? [])
  return {
    ...(temperature == null ? {} : { temperature: Math.min(1, temperature) }),
    ...(top_p == null ? {} : { top_p }),
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
    ...(user === undefined || user === '' ? {} : { metadata: { user_id: user } }),
  }
}

/** A strict schema is enforced by the API; any other is told to the model, because the API takes strict ones only. */
function formatOf({ response_format: format }: ChatRequest): Record<string, unknown> {
  if (format?.type !== 'json_schema' || format.json_schema.strict !== true) return {}
  const { schema } = format.json_schema
  return schema === undefined ? {} : { output_config: { format: { type: 'json_schema', schema } } }
}

function systemOf(system: string | Block[] | undefined, request: ChatRequest): { system?: string | Block[] } {
  const format = request.response_format
  const told = 'output_config' in formatOf(request) ? undefined : wordsOf(format)
  if (told === undefined) return system === undefined ? {} : { system }
  if (system === undefined) return { system: told }
  if (typeof system === 'string') return { system: `${system}\n\n${told}` }
  return { system: [...system, { type: 'text', text: told }] }
}

function wordsOf(format: ChatRequest['response_format']): string | undefined {
  const only = 'no explanation before or after it, no code fence.'
  if (format?.type === 'json_object') return `Answer with one JSON object and nothing else: ${only}`
  if (format?.type !== 'json_schema') return undefined
  const schema = JSON.stringify(format.json_schema.schema ?? {})
  return `Answer with one JSON value that meets this JSON Schema and nothing else: ${only}\n${schema}`
}

function verdictsOf(left: LeftOut, lost: ReadonlySet<string>): readonly Verdict[] {
  const verdict = (detail: string): Verdict => ({ check: 'request-field', outcome: 'skipped', detail })
  return [
    ...Array.from(left, ([field, why]) => verdict(`${field} was left out: ${why}`)),
    ...Array.from(lost, (what) => verdict(`${what} was left out: the Messages API has no place for it`)),
  ]
}

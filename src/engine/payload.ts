import type { Call } from '../contract/call.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { Verdict } from '../contract/event.ts'
import { withoutExtensions } from './extensions.ts'
import { type LeftOut, withoutSteering } from './steering.ts'
import type { OpenAiTarget } from './target.ts'

export interface Payload {
  /** The JSON text to send. */
  readonly body: string
  readonly stream: boolean
  /** Choices that were asked for. */
  readonly choices: number
  /** Names every field that was left out although it asked for something. */
  readonly verdicts: readonly Verdict[]
}

/**
 * The request as this engine understands it: its own model name, our bound on the output, streaming and usage
 * as the path needs them, the quirks applied. `upshift` stays here, and so do other dialects' extensions (extensions.ts)
 * and the fields that would undo the plan (steering.ts); every other field goes on as it came, but for an OpenAI field set to null, which means its default
 * and which strict engines refuse.
 */
export function buildPayload(target: OpenAiTarget, call: Call): Payload {
  const { quirks } = target
  const stream = call.request.stream === true
  const sent: Record<string, unknown> = {}
  const left: LeftOut = new Map()
  for (const field of Object.keys(call.request)) {
    const asked = call.request[field]
    if (OURS.has(field) || (asked === null && NULLABLE.has(field))) continue
    const value = withoutSteering(field, asked, target.offMachine, left)
    if (value === undefined) continue
    // A caller's field may be called `constructor`: only rows of the table count.
    const drop = Object.hasOwn(quirks.drops, field) ? quirks.drops[field] : undefined
    if (drop !== undefined && isNeutral(field, value)) continue
    if (drop === 'always') {
      left.set(field, `an engine of kind ${quirks.kind} refuses it`)
      continue
    }
    sent[(Object.hasOwn(quirks.renames, field) ? quirks.renames[field] : undefined) ?? field] = value
  }
  sent['messages'] = withoutExtensions(call.request.messages, quirks, left)
  sent['model'] = target.name
  sent['stream'] = stream
  sent[quirks.outputLimit] = call.maxOutputTokens
  if (call.continues === true) continueFrom(sent, call, target.continues)
  if (stream && quirks.includeUsage) {
    sent['stream_options'] = { ...call.request.stream_options, include_usage: true }
  }
  return {
    body: JSON.stringify(sent),
    stream,
    choices: call.request.n ?? 1,
    verdicts: leftOutVerdicts(left),
  }
}

/** The last message is the beginning of the answer: each engine has its own word for going on from it. */
function continueFrom(
  sent: Record<string, unknown>,
  { request }: Call,
  style: OpenAiTarget['continues'],
): void {
  if (style === 'continue_final_message') {
    sent['continue_final_message'] = true
    sent['add_generation_prompt'] = false
  } else if (style === 'prefix') {
    sent['messages'] = [...request.messages.slice(0, -1), { ...request.messages.at(-1), prefix: true }]
  }
}

/** Set by `buildPayload` itself, or not for engines. */
const OURS = new Set<string>([
  'upshift',
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
] satisfies (keyof ChatRequest)[])

/** OpenAI's fields for which null means the default. */
const NULLABLE = new Set([
  'temperature',
  'top_p',
  'n',
  'stop',
  'seed',
  'logprobs',
  'top_logprobs',
  'logit_bias',
  'presence_penalty',
  'frequency_penalty',
  'reasoning_effort',
  'metadata',
])

function isNeutral(field: string, value: unknown): boolean {
  if (field === 'n') return value === 1
  if (field === 'parallel_tool_calls') return value === true
  if (value === null || value === false || value === 0) return true
  return typeof value === 'object' && Object.keys(Object(value)).length === 0
}

const NOTHING_LEFT: readonly Verdict[] = []

/** Names every field that was left out although it asked for something. */
export function leftOutVerdicts(left: LeftOut): readonly Verdict[] {
  if (left.size === 0) return NOTHING_LEFT
  return Array.from(left, ([field, why]) => {
    return { check: 'request-field', outcome: 'skipped', detail: `${field} was left out: ${why}` }
  })
}

import * as z from 'zod'
import type { ChatCompletion } from '../../contract/chat.ts'
import { callId, itemId } from './ids.ts'

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete'

/** As OpenAI and the engines that have any give it. */
const logprob = z.looseObject({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.number()).nullable().optional(),
  top_logprobs: z
    .array(
      z.looseObject({
        token: z.string(),
        logprob: z.number(),
        bytes: z.array(z.number()).nullable().optional(),
      }),
    )
    .optional(),
})
const logprobs = z.looseObject({ content: z.array(logprob) })

interface Token {
  readonly token: string
  readonly logprob: number
  readonly bytes: readonly number[]
}
export interface Logprob extends Token {
  readonly top_logprobs: readonly Token[]
}

// Types and not interfaces: they are items of a later request too, which are loose.
export type TextPart = {
  readonly type: 'output_text'
  readonly text: string
  readonly annotations: readonly []
  readonly logprobs: readonly Logprob[]
}
export type RefusalPart = {
  readonly type: 'refusal'
  readonly refusal: string
}
export type ReasoningItem = {
  readonly id: string
  readonly type: 'reasoning'
  readonly summary: readonly { readonly type: 'summary_text'; readonly text: string }[]
  readonly status: ItemStatus
}
export type OutputMessage = {
  readonly id: string
  readonly type: 'message'
  readonly role: 'assistant'
  readonly status: ItemStatus
  readonly content: readonly (TextPart | RefusalPart)[]
}
export type FunctionCallItem = {
  readonly id: string
  readonly type: 'function_call'
  readonly status: ItemStatus
  readonly call_id: string
  readonly name: string
  readonly arguments: string
}
export type OutputItem = ReasoningItem | OutputMessage | FunctionCallItem

/** What an answer said, whole. */
export interface Said {
  readonly reasoning: string
  readonly content: string
  readonly refusal: string
  readonly calls: readonly {
    readonly id?: string | undefined
    readonly name: string
    readonly arguments: string
  }[]
  readonly logprobs: readonly Logprob[]
  /** As Chat Completions has it: `stop`, `length`, `tool_calls`, `content_filter`. */
  readonly finish: string | undefined
}

export function saidIn({ choices }: ChatCompletion): Said {
  const choice = choices.find(({ index }) => index === 0) ?? choices[0]
  const { content, refusal, tool_calls: calls, reasoning_content, reasoning } = choice?.message ?? {}
  return {
    reasoning: textOf(reasoning_content) || textOf(reasoning),
    content: content ?? '',
    refusal: refusal ?? '',
    calls: (calls ?? []).map(({ id, function: called }) => ({
      id,
      name: called?.name ?? '',
      arguments: called?.arguments ?? '',
    })),
    logprobs: logprobsOf(choice?.logprobs),
    finish: choice?.finish_reason ?? undefined,
  }
}

/** Reasoning first, then the message, then the calls. What was cut off in the middle is the last thing there is. */
export function outputOf(said: Said, requestId: string, status: 'completed' | 'incomplete'): OutputItem[] {
  const { reasoning, content, refusal, calls } = said
  const items: OutputItem[] = []
  const speaks = content !== '' || refusal !== ''
  if (reasoning !== '') {
    const ended = speaks || calls.length > 0 ? 'completed' : status
    items.push(reasoningItem(itemId('rs', requestId, 0), reasoning, ended))
  }
  if (speaks) {
    items.push(messageItem(itemId('msg', requestId, 0), partsOf(content, said.logprobs, refusal), status))
  }
  for (const [number, call] of calls.entries()) {
    items.push({
      id: itemId('fc', requestId, number),
      type: 'function_call',
      status,
      call_id: call.id ?? callId(requestId, number),
      name: call.name,
      arguments: call.arguments,
    })
  }
  return items
}

export function reasoningItem(id: string, text: string, status: ItemStatus): ReasoningItem {
  return { id, type: 'reasoning', summary: text === '' ? [] : [{ type: 'summary_text', text }], status }
}

export function messageItem(
  id: string,
  content: readonly (TextPart | RefusalPart)[],
  status: ItemStatus,
): OutputMessage {
  return { id, type: 'message', role: 'assistant', status, content }
}

export function textPart(text: string, logprobs: readonly Logprob[]): TextPart {
  return { type: 'output_text', text, annotations: [], logprobs }
}

function partsOf(
  content: string,
  logprobs: readonly Logprob[],
  refusal: string,
): readonly (TextPart | RefusalPart)[] {
  return [
    ...(content === '' ? [] : [textPart(content, logprobs)]),
    ...(refusal === '' ? [] : [{ type: 'refusal', refusal } as const]),
  ]
}

/** Log probabilities in the form of Responses; none where an engine gave none, or in a form that is not known. */
export function logprobsOf(value: unknown): readonly Logprob[] {
  if (value === undefined || value === null) return []
  const parsed = logprobs.safeParse(value)
  if (!parsed.success) return []
  return parsed.data.content.map((one) => ({
    ...tokenOf(one),
    top_logprobs: (one.top_logprobs ?? []).map(tokenOf),
  }))
}

function tokenOf(one: { token: string; logprob: number; bytes?: number[] | null | undefined }): Token {
  return { token: one.token, logprob: one.logprob, bytes: one.bytes ?? [] }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

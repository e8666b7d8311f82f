import type { ChatChunk, ChatCompletion, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { Batch } from '../../contract/event.ts'

/** One choice of an answer, put together from however it came. */
export interface AssembledChoice {
  readonly index: number
  readonly content: string
  readonly refused: boolean
  readonly finishReason: string | undefined
  readonly calls: readonly AssembledCall[]
}

export interface AssembledCall {
  readonly name: string
  readonly arguments: string
}

/** The choices of an answer, by index. Memory is what the batches already hold; the caller bounds those. */
export function assembleChoices(batches: readonly Batch[]): readonly AssembledChoice[] {
  const drafts = new Map<number, Draft>()
  for (const batch of batches) {
    for (const event of batch) {
      if (event.type === 'chunk-delta') for (const choice of event.chunk.choices) addDelta(drafts, choice)
      else if (event.type === 'answer-whole')
        for (const choice of event.completion.choices) addWhole(drafts, choice)
    }
  }
  return [...drafts.values()].sort((a, b) => a.index - b.index)
}

interface DraftCall {
  readonly key: number | undefined
  name: string
  arguments: string
}

interface Draft extends AssembledChoice {
  content: string
  refused: boolean
  finishReason: string | undefined
  readonly calls: DraftCall[]
}

function draftOf(drafts: Map<number, Draft>, index: number): Draft {
  let draft = drafts.get(index)
  if (draft === undefined) {
    draft = { index, content: '', refused: false, finishReason: undefined, calls: [] }
    drafts.set(index, draft)
  }
  return draft
}

function addDelta(drafts: Map<number, Draft>, choice: ChatChunk['choices'][number]): void {
  const draft = draftOf(drafts, choice.index)
  addMessage(draft, choice.delta, choice.finish_reason)
  for (const part of choice.delta.tool_calls ?? []) addCall(draft, part)
}

function addWhole(drafts: Map<number, Draft>, choice: ChatCompletion['choices'][number]): void {
  const draft = draftOf(drafts, choice.index)
  addMessage(draft, choice.message, choice.finish_reason)
  for (const call of choice.message.tool_calls ?? []) draft.calls.push(freshCall(call, undefined))
}

function addMessage(draft: Draft, message: WireMessage, finishReason: string | null | undefined): void {
  if (message.content) draft.content += message.content
  if (message.refusal) draft.refused = true
  if (finishReason != null) draft.finishReason = finishReason
}

/** Parts of one call share an index; an engine that sends none sends an id with each first part. */
function addCall(draft: Draft, part: WireToolCall): void {
  const known =
    part.index === undefined
      ? part.id === undefined
        ? draft.calls.at(-1)
        : undefined
      : draft.calls.find((call) => call.key === part.index)
  if (known === undefined) {
    draft.calls.push(freshCall(part, part.index))
    return
  }
  known.name += part.function?.name ?? ''
  known.arguments += part.function?.arguments ?? ''
}

function freshCall(call: WireToolCall, key: number | undefined): DraftCall {
  return { key, name: call.function?.name ?? '', arguments: call.function?.arguments ?? '' }
}

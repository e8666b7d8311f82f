import type { ChatChunk, ChatMessage, ChatRequest, WireUsage } from '../contract/chat.ts'
import type { AnswerEvent, Batch } from '../contract/event.ts'
import type { Usage } from '../contract/usage.ts'
import type { Next } from './attempt.ts'
import type { AnswerCheck } from './ports.ts'

/**
 * What an engine has said of an answer of which something has left. Where it dies then, another replica of the same
 * model may go on from the text: the caller sees one answer without a seam.
 */
export class Said {
  #text = ''
  #tokens = 0
  /** Tokens that stand in the prompt of the replica that goes on. */
  #handed = 0
  #frame: ChatChunk | undefined
  /** Nothing but the text of one choice has come: all that a prefix can hand on. */
  #plain = true

  /** About how many tokens that is. */
  get tokens(): number {
    return this.#tokens
  }

  get continuable(): boolean {
    return this.#plain && this.#text !== ''
  }

  /** What was said so far goes into the prompt of another replica. */
  handOn(): string {
    this.#handed = this.#tokens
    return this.#text
  }

  add(batch: Batch): void {
    for (const event of batch) if (event.type === 'chunk-delta') this.#chunk(event.chunk, event.tokens ?? 1)
  }

  #chunk(chunk: ChatChunk, tokens: number): void {
    this.#frame ??= chunk
    this.#tokens += tokens
    for (const { index, delta, finish_reason: reason } of chunk.choices) {
      const told = Object.entries(delta).filter(([name, value]) => !QUIET.has(name) && value != null)
      if (index !== 0 || told.length > 0 || reason != null) this.#plain = false
      this.#text += delta.content ?? ''
    }
  }

  /** What another replica goes on with, as if the first one had said it: no second role, the first one's ids. */
  seam(batch: Batch): Batch {
    const events = batch.map((event): AnswerEvent | undefined =>
      event.type === 'chunk-delta' ? this.#joined(event.chunk) : event,
    )
    return events.filter((event) => event !== undefined)
  }

  #joined(chunk: ChatChunk): AnswerEvent | undefined {
    const frame = this.#frame ?? chunk
    const same = { id: frame.id, model: frame.model, created: frame['created'] }
    const choices = chunk.choices.map(({ delta, ...choice }) => {
      const { role, ...rest } = delta
      return { ...choice, delta: rest }
    })
    const says = choices.some(
      ({ delta, finish_reason: reason }) =>
        reason != null || Object.values(delta).some((value) => value != null && value !== ''),
    )
    if (!says && chunk.usage == null) return undefined
    const told = Object.fromEntries(Object.entries(same).filter(([, value]) => value !== undefined))
    const usage = chunk.usage == null ? {} : { usage: wireUsage(chunk.usage, this.#handed) }
    return { type: 'chunk-delta', chunk: { ...chunk, ...told, choices, ...usage } }
  }

  /** What the first replica said stood in the second one's prompt, and belongs to the answer. */
  usage(usage: Usage): Usage {
    const said = Math.min(this.#handed, usage.promptTokens)
    return {
      ...usage,
      promptTokens: usage.promptTokens - said,
      completionTokens: usage.completionTokens + said,
    }
  }
}

/** Fields of a delta that say nothing. */
const QUIET = new Set(['role', 'content', 'refusal'])

/** An answer that goes on, and the check that has seen its beginning and may hold back its end. */
export interface Continued {
  readonly said: Said
  readonly check: AnswerCheck
  /** Of an answer with a form: all of it so far, to be checked whole in the end. */
  readonly seen: Batch[]
}

/** The request once more, with what was said as the beginning of the model's own turn. */
export function continuationOf(last: Next<ChatRequest>, now: Continued): Next<ChatRequest> {
  const { continued, ...rest } = last
  const original = continued === undefined ? last.request.messages : last.request.messages.slice(0, -1)
  const text = now.said.handOn()
  const begun: ChatMessage = { role: 'assistant', content: text }
  return {
    ...rest,
    request: { ...last.request, messages: [...original, begun] },
    bytes: last.bytes + Buffer.byteLength(text),
    cause: 'continue',
    continued: now,
  }
}

function wireUsage(usage: WireUsage, chunks: number): WireUsage {
  const said = Math.min(chunks, usage.prompt_tokens ?? 0)
  return {
    ...usage,
    prompt_tokens: (usage.prompt_tokens ?? 0) - said,
    completion_tokens: (usage.completion_tokens ?? 0) + said,
  }
}

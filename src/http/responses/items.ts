import {
  type FunctionCallItem,
  type ItemStatus,
  type Logprob,
  messageItem,
  type OutputItem,
  type OutputMessage,
  type ReasoningItem,
  type RefusalPart,
  reasoningItem,
  type TextPart,
  textPart,
} from './output.ts'

/** Writes one event. */
export type Tell = (type: string, fields: Readonly<Record<string, unknown>>) => void

type EndStatus = Exclude<ItemStatus, 'in_progress'>

/** An output item while it grows. */
export abstract class Growing<Item extends OutputItem = OutputItem> {
  /** Its place in `output`. */
  readonly index: number
  protected readonly id: string
  protected readonly tell: Tell
  /** What it has become; undefined until it is closed. */
  item: Item | undefined

  constructor(tell: Tell, index: number, id: string) {
    this.tell = tell
    this.index = index
    this.id = id
  }

  /** Ends it, once. */
  close(status: EndStatus): void {
    if (this.item !== undefined) return
    this.ending()
    this.item = this.whole(status)
    this.tell('response.output_item.done', { output_index: this.index, item: this.item })
  }

  protected opened(item: Item): void {
    this.tell('response.output_item.added', { output_index: this.index, item })
  }

  /** What every event of it names. */
  protected get place(): { readonly item_id: string; readonly output_index: number } {
    return { item_id: this.id, output_index: this.index }
  }

  /** The events before the item's own end. */
  protected abstract ending(): void
  protected abstract whole(status: ItemStatus): Item
}

/** Reasoning: one part of a summary, which grows with what the engine tells. */
export class GrowingReasoning extends Growing<ReasoningItem> {
  #text = ''

  open(): void {
    this.opened(reasoningItem(this.id, '', 'in_progress'))
    this.tell('response.reasoning_summary_part.added', { ...this.#at, part: summaryPart('') })
  }

  add(delta: string): void {
    this.#text += delta
    this.tell('response.reasoning_summary_text.delta', { ...this.#at, delta })
  }

  protected ending(): void {
    const text = this.#text
    this.tell('response.reasoning_summary_text.done', { ...this.#at, text })
    this.tell('response.reasoning_summary_part.done', { ...this.#at, part: summaryPart(text) })
  }

  protected whole(status: ItemStatus): ReasoningItem {
    return reasoningItem(this.id, this.#text, status)
  }

  get #at(): object {
    return { ...this.place, summary_index: 0 }
  }
}

function summaryPart(text: string): object {
  return { type: 'summary_text', text }
}

/** A call, whose arguments grow. */
export class GrowingCall extends Growing<FunctionCallItem> {
  #callId = ''
  #name = ''
  #arguments = ''

  open(callId: string, name: string): void {
    this.#callId = callId
    this.#name = name
    this.opened(this.whole('in_progress'))
  }

  add(delta: string): void {
    this.#arguments += delta
    this.tell('response.function_call_arguments.delta', { ...this.place, delta })
  }

  protected ending(): void {
    this.tell('response.function_call_arguments.done', { ...this.place, arguments: this.#arguments })
  }

  protected whole(status: ItemStatus): FunctionCallItem {
    const { id } = this
    const called = { call_id: this.#callId, name: this.#name, arguments: this.#arguments }
    return { id, type: 'function_call', status, ...called }
  }
}

/** The message: text, a refusal, or one after the other; each is a part. */
export class GrowingMessage extends Growing<OutputMessage> {
  readonly #parts: (TextPart | RefusalPart)[] = []
  #kind: 'text' | 'refusal' | undefined
  #text = ''
  #logprobs: Logprob[] = []

  open(): void {
    this.opened(messageItem(this.id, [], 'in_progress'))
  }

  add(delta: string, logprobs: readonly Logprob[]): void {
    this.#part('text')
    this.#text += delta
    for (const one of logprobs) this.#logprobs.push(one)
    this.tell('response.output_text.delta', { ...this.#at, delta, logprobs })
  }

  addRefusal(delta: string): void {
    this.#part('refusal')
    this.#text += delta
    this.tell('response.refusal.delta', { ...this.#at, delta })
  }

  #part(kind: 'text' | 'refusal'): void {
    if (this.#kind === kind) return
    this.ending()
    this.#kind = kind
    const part = kind === 'text' ? textPart('', []) : { type: 'refusal', refusal: '' }
    this.tell('response.content_part.added', { ...this.#at, part })
  }

  protected ending(): void {
    if (this.#kind === undefined) return
    const at = this.#at
    const text = this.#text
    const logprobs = this.#logprobs
    const isText = this.#kind === 'text'
    if (isText) this.tell('response.output_text.done', { ...at, text, logprobs })
    else this.tell('response.refusal.done', { ...at, refusal: text })
    const part: TextPart | RefusalPart = isText
      ? textPart(text, logprobs)
      : { type: 'refusal', refusal: text }
    this.tell('response.content_part.done', { ...at, part })
    this.#parts.push(part)
    this.#kind = undefined
    this.#text = ''
    this.#logprobs = []
  }

  protected whole(status: ItemStatus): OutputMessage {
    return messageItem(this.id, this.#parts, status)
  }

  get #at(): object {
    return { ...this.place, content_index: this.#parts.length }
  }
}

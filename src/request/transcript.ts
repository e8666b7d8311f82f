import type { WireMessage, WireToolCall } from '../contract/chat.ts'
import type { Batch } from '../contract/event.ts'

/** Characters of an answer that are kept; what comes after is not, and the text says so. */
const KEPT_CHARS = 8_388_608
/** Characters of all answers under way together: they are in memory until their ends. */
const ROOM_CHARS = 67_108_864

/** What the transcripts of all answers under way may hold together. */
export class TranscriptRoom {
  #left = ROOM_CHARS

  /** True, and taken, where there is room. */
  take(chars: number): boolean {
    if (chars > this.#left) return false
    this.#left -= chars
    return true
  }

  giveBack(chars: number): void {
    this.#left += chars
  }
}

/** Choices, and tool calls of one, that are kept: more than any request may ask for. */
const KEPT_CHOICES = 128
const KEPT_CALLS = 128

interface KeptCall {
  readonly index: number
  id?: string
  name: string
  arguments: string
}

interface Said {
  readonly index: number
  content: string
  reasoning: string
  refusal: string
  readonly calls: KeptCall[]
  finishReason?: string
}

/**
 * Collects what leaves of an answer, for the vault: the text, reasoning, refusal and tool calls of each choice, put
 * together from the pieces of a stream or taken from the whole.
 */
export class Transcript {
  readonly #room: TranscriptRoom
  readonly #said: Said[] = []
  #chars = 0
  #taken = 0
  #truncated = false

  constructor(room: TranscriptRoom) {
    this.#room = room
  }

  see(batch: Batch): void {
    for (const event of batch) {
      if (event.type === 'chunk-delta') {
        for (const { index, delta, finish_reason } of event.chunk.choices)
          this.#add(index, delta, finish_reason)
      } else if (event.type === 'answer-whole') {
        for (const { index, message, finish_reason } of event.completion.choices) {
          this.#add(index, message, finish_reason)
        }
      }
    }
  }

  /** JSON `{"choices": [{index, content, …}]}`, undefined where nothing was said; and the room is free again. Once. */
  end(): string | undefined {
    this.#room.giveBack(this.#taken)
    this.#taken = 0
    if (this.#said.length === 0) return undefined
    const choices = this.#said.map(({ index, content, reasoning, refusal, calls, finishReason }) => ({
      index,
      content,
      ...(reasoning === '' ? {} : { reasoning }),
      ...(refusal === '' ? {} : { refusal }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
      ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
    }))
    return JSON.stringify(this.#truncated ? { choices, truncated: true } : { choices })
  }

  #add(index: number, message: WireMessage, finishReason: string | null | undefined): void {
    const said = this.#choice(index)
    if (said === undefined) {
      this.#leaveOut()
      return
    }
    if (finishReason != null) said.finishReason = finishReason
    const { content, refusal, tool_calls: calls } = message
    // Most engines use the first name, some the second, and some both for the same.
    const reasoning = message['reasoning_content'] || message['reasoning']
    if (typeof content === 'string' && this.#fits(content)) said.content += content
    if (typeof reasoning === 'string' && this.#fits(reasoning)) said.reasoning += reasoning
    if (typeof refusal === 'string' && this.#fits(refusal)) said.refusal += refusal
    for (const call of calls ?? []) this.#call(said, call)
  }

  #call(said: Said, call: WireToolCall): void {
    const index = call.index ?? said.calls.length
    let kept = said.calls.find((one) => one.index === index)
    if (kept === undefined) {
      if (said.calls.length >= KEPT_CALLS) {
        this.#leaveOut()
        return
      }
      kept = { index, name: '', arguments: '' }
      said.calls.push(kept)
    }
    if (call.id !== undefined) kept.id = call.id
    const { name, arguments: more } = call.function ?? {}
    if (name !== undefined && this.#fits(name)) kept.name += name
    if (more !== undefined && this.#fits(more)) kept.arguments += more
  }

  #choice(index: number): Said | undefined {
    for (const said of this.#said) if (said.index === index) return said
    if (this.#said.length >= KEPT_CHOICES) return undefined
    const said: Said = { index, content: '', reasoning: '', refusal: '', calls: [] }
    this.#said.push(said)
    return said
  }

  #leaveOut(): void {
    this.#truncated = true
  }

  /** From the first piece on that has no room nothing is kept: a text with a hole would be read as whole. */
  #fits(piece: string): boolean {
    const chars = piece.length
    this.#truncated ||= this.#chars + chars > KEPT_CHARS || !this.#room.take(chars)
    if (this.#truncated) return false
    this.#chars += chars
    this.#taken += chars
    return true
  }
}

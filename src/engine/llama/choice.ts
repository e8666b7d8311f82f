import type { ChatChunk, WireChoice, WireMessage } from '../../contract/chat.ts'
import { type AnswerPiece, ToolCallReader } from './grammar/tool-call-reader.ts'
import type { EndReason, Logprob, Piece, TokenLogprob } from './protocol.ts'
import { ThoughtSplit } from './thought.ts'

/** Frame of every chunk and of the whole answer. */
export interface Frame {
  readonly id: string
  readonly created: number
  readonly model: string
}

export type Delta = WireChoice & { readonly delta: WireMessage }

/** One choice of an answer as it comes: deltas for a stream, or collected into a message. */
export class Choice {
  readonly index: number
  readonly #thought: ThoughtSplit
  /** Undefined where no tool was offered: then nothing is a call. */
  readonly #reader: ToolCallReader | undefined
  readonly #calls: { readonly id: string; readonly name: string; arguments: string }[] = []
  #cut = false
  #begun = false
  #content = ''
  #reasoning = ''
  #logprobs: object[] = []

  /** `newCallId` makes the id of a tool call; absent where no tool is offered. `begun`: it goes on from a beginning. */
  constructor(index: number, newCallId: (() => string) | undefined, begun: boolean) {
    this.index = index
    this.#thought = new ThoughtSplit(begun)
    this.#reader = newCallId === undefined ? undefined : new ToolCallReader(newCallId)
  }

  /** The deltas that a piece of text brings. */
  push(piece: Piece): readonly Delta[] {
    const { reasoning, content } = this.#thought.push(piece.text)
    return this.#deltas(reasoning, content, piece.logprobs)
  }

  /** The last deltas, with the finish reason. */
  end(reason: EndReason): readonly Delta[] {
    const { reasoning, content } = this.#thought.rest()
    const last = this.#deltas(reasoning, content, undefined)
    const rest = this.#reader?.end()
    this.#cut = rest?.cut === true
    const deltas = [...last, ...(rest?.pieces ?? []).flatMap((piece) => this.#read(piece))]
    return [...deltas, { index: this.index, delta: this.#opened({}), finish_reason: this.#finish(reason) }]
  }

  /** The whole choice, once it has ended. */
  whole(reason: EndReason): WireChoice & { readonly message: WireMessage } {
    return {
      index: this.index,
      message: {
        role: 'assistant',
        content: this.#content === '' && this.#calls.length > 0 ? null : this.#content,
        refusal: null,
        ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls.map(wireCall) }),
        ...(this.#reasoning === '' ? {} : { reasoning_content: this.#reasoning }),
      },
      logprobs: this.#logprobs.length === 0 ? null : { content: this.#logprobs, refusal: null },
      finish_reason: this.#finish(reason),
    }
  }

  #finish(reason: EndReason): string {
    if (reason === 'length' || this.#cut) return 'length'
    return this.#calls.length > 0 ? 'tool_calls' : 'stop'
  }

  #deltas(reasoning: string, content: string, logprobs: readonly TokenLogprob[] | undefined): Delta[] {
    this.#reasoning += reasoning
    const told = logprobs?.map(wireLogprob)
    if (told !== undefined) this.#logprobs.push(...told)
    const deltas: Delta[] = []
    if (reasoning !== '') deltas.push(this.#delta({ reasoning_content: reasoning }))
    const pieces = this.#reader?.read(content) ?? [{ type: 'content', text: content } as const]
    for (const piece of pieces) deltas.push(...this.#read(piece))
    if (told === undefined) return deltas
    // They belong to what was said with them, be it the beginning of a call.
    const [first = this.#delta({ content: '' }), ...rest] = deltas
    return [{ ...first, logprobs: { content: told, refusal: null } }, ...rest]
  }

  #read(piece: AnswerPiece): Delta[] {
    switch (piece.type) {
      case 'content':
        this.#content += piece.text
        return piece.text === '' ? [] : [this.#delta({ content: piece.text })]
      case 'call': {
        const { index, id, name } = piece
        this.#calls.push({ id, name, arguments: '' })
        return [
          this.#delta({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
        ]
      }
      case 'arguments': {
        const { index, text } = piece
        const call = this.#calls[index]
        if (call !== undefined) call.arguments += text
        return [this.#delta({ tool_calls: [{ index, function: { arguments: text } }] })]
      }
      case 'call-end':
        return []
    }
  }

  #delta(delta: WireMessage): Delta {
    return { index: this.index, finish_reason: null, delta: this.#opened(delta) }
  }

  /** The first delta of a choice says who speaks. */
  #opened(delta: WireMessage): WireMessage {
    if (this.#begun) return delta
    this.#begun = true
    return { role: 'assistant', ...delta }
  }
}

function wireCall({ id, name, arguments: text }: { id: string; name: string; arguments: string }) {
  return { id, type: 'function', function: { name, arguments: text } }
}

export function chunkOf(frame: Frame, choice: ChatChunk['choices'][number]): ChatChunk {
  return { ...frame, object: 'chat.completion.chunk', choices: [choice] }
}

function wireLogprob({ top, ...chosen }: TokenLogprob) {
  return { ...wireOne(chosen), top_logprobs: top.map(wireOne) }
}

/** A token that is a part of a character shows as U+FFFD: its bytes say what it is. */
function wireOne({ bytes, logprob }: Logprob) {
  return { token: Buffer.from(bytes).toString('utf8'), logprob, bytes }
}

import type { ChatChunk, WireChoice, WireMessage } from '../../contract/chat.ts'
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
  #begun = false
  #content = ''
  #reasoning = ''
  #logprobs: object[] = []

  constructor(index: number, thinking: boolean) {
    this.index = index
    this.#thought = new ThoughtSplit(thinking)
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
    const finish_reason = reason === 'length' ? 'length' : 'stop'
    return [...last, { index: this.index, delta: this.#opened({}), finish_reason }]
  }

  /** The whole choice, once it has ended. */
  whole(reason: EndReason): WireChoice & { readonly message: WireMessage } {
    return {
      index: this.index,
      message: {
        role: 'assistant',
        content: this.#content,
        refusal: null,
        ...(this.#reasoning === '' ? {} : { reasoning_content: this.#reasoning }),
      },
      logprobs: this.#logprobs.length === 0 ? null : { content: this.#logprobs, refusal: null },
      finish_reason: reason === 'length' ? 'length' : 'stop',
    }
  }

  #deltas(reasoning: string, content: string, logprobs: readonly TokenLogprob[] | undefined) {
    this.#reasoning += reasoning
    this.#content += content
    const told = logprobs?.map(wireLogprob)
    if (told !== undefined) this.#logprobs.push(...told)
    const deltas: Delta[] = []
    const base = { index: this.index, finish_reason: null }
    if (reasoning !== '') deltas.push({ ...base, delta: this.#opened({ reasoning_content: reasoning }) })
    if (content !== '' || told !== undefined) {
      const extra = told === undefined ? {} : { logprobs: { content: told, refusal: null } }
      deltas.push({ ...base, ...extra, delta: this.#opened({ content }) })
    }
    return deltas
  }

  /** The first delta of a choice says who speaks. */
  #opened(delta: WireMessage): WireMessage {
    if (this.#begun) return delta
    this.#begun = true
    return { role: 'assistant', ...delta }
  }
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

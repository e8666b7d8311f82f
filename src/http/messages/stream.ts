import type { WireChoice, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { AnswerFinish, Batch, ChunkDelta } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import { namedInMessages } from '../named.ts'
import { summarise } from '../summary.ts'
import { BlockWriter, eventText } from './blocks.ts'
import {
  type Asked,
  messageId,
  objectText,
  showsThoughts,
  signedThoughts,
  thoughtOf,
  usageOf,
  withUpshift,
} from './message.ts'
import { messagesProblem } from './problem.ts'
import { sequencesOf, stopOf } from './stop.ts'

/** Characters of calls, and of what follows them, that wait for the end: the most that guard.bounds.maxHeldBytes may be. */
const LATER_CHARS_MAX = 268_435_456
/** A block counts as this much of them, beside what it says: an engine may begin blocks for ever that say nothing. */
const BLOCK_CHARS = 65_536

/** What waits for the end of an answer: calls, whose pieces may come in any order, and what was said after them. */
type Later =
  | { readonly type: 'text' | 'thought'; text: string }
  | { readonly type: 'signed'; readonly block: object }
  | { readonly type: 'call'; readonly index: number; readonly id: string; name: string; json: string }

/**
 * DESIGN. A streamed answer as Messages' events. While every event is in an engine's own Messages it goes out as the
 * very text that it came as, and the writer only follows which block is open. From the first event on that a guard has
 * changed, or that comes from an engine of another dialect, everything is written anew from what the chunks say: the
 * blocks in a row, each begun, filled and ended before the next. Calls of tools wait for the end, because pieces of
 * several may come in turns; nothing is lost by that, since the path lets a call go only when it is whole.
 */
export class MessagesEncoder {
  /** Why the message was ended here, before the engine's end. */
  over: Problem | undefined
  readonly #asked: Asked
  readonly #thoughts: boolean
  readonly #blocks: BlockWriter
  readonly #later: Later[] = []
  #laterChars = 0
  #relays = true
  /** The message has ended: what still comes is not written. */
  #stopped = false
  #called = false
  #choice: WireChoice | undefined
  #model: string | undefined

  constructor(asked: Asked) {
    this.#asked = asked
    this.#thoughts = showsThoughts(asked.request)
    this.#blocks = new BlockWriter()
  }

  encode(batch: Batch): string {
    const last = batch.at(-1)
    const finish = last?.type === 'answer-finish' ? last : undefined
    let text = ''
    for (const event of batch) {
      if (this.#stopped) break
      if (event.type === 'chunk-delta') text += this.#event(event, finish)
      else if (event.type === 'answer-error') text += this.#error(namedInMessages(event.problem))
    }
    return finish === undefined ? text : text + this.#end(finish)
  }

  #event(event: ChunkDelta, finish: AnswerFinish | undefined): string {
    if (this.#relays && event.dialect === 'messages' && event.wire !== undefined) {
      return this.#relay(event.wire, finish)
    }
    const choice = event.chunk.choices[0]
    // Usage comes with the finish, and what is silent in Chat Completions has no meaning of its own here.
    if (event.silent === true || choice === undefined || choice.index !== 0) return ''
    this.#relays = false
    this.#model ??= event.chunk.model
    if (choice.finish_reason != null) this.#choice = choice
    return this.#say(choice.delta)
  }

  /** The engine's own text, with our field in the event that ends the message. */
  #relay(wire: string, finish: AnswerFinish | undefined): string {
    if (wire.startsWith('event: content_block_delta')) return wire
    this.#blocks.follow(wire)
    if (wire.startsWith('event: message_stop')) this.#stopped = true
    if (finish === undefined || !wire.startsWith('event: message_delta')) return wire
    return withUpshift(wire, this.#summary(finish))
  }

  #say(delta: WireMessage): string {
    let text = this.#begin()
    const thought = this.#thoughts ? thoughtOf(delta) : ''
    if (thought !== '') text += this.#waits ? this.#keep('thought', thought) : this.#blocks.thought(thought)
    if (this.#thoughts) for (const block of signedThoughts(delta)) text += this.#signed(block)
    const said = `${delta.content ?? ''}${delta.refusal ?? ''}`
    if (said !== '') text += this.#waits ? this.#keep('text', said) : this.#blocks.text(said)
    for (const call of delta.tool_calls ?? []) text += this.#call(call)
    return text
  }

  #signed(block: object): string {
    if (!this.#waits) return this.#blocks.signed(block)
    this.#later.push({ type: 'signed', block })
    return this.#bound(BLOCK_CHARS)
  }

  #begin(): string {
    if (this.#blocks.begun) return ''
    const { id, answer } = this.#asked
    return this.#blocks.begin({
      id: messageId(id),
      type: 'message',
      role: 'assistant',
      model: this.#model ?? answer.start.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usageOf(undefined),
    })
  }

  /** A call is open or waits: what is said now comes after it. */
  get #waits(): boolean {
    return this.#later.length > 0 || this.#blocks.openCall !== undefined
  }

  #keep(type: 'text' | 'thought', said: string): string {
    const last = this.#later.at(-1)
    if (last?.type === type) {
      last.text += said
      return this.#bound(said.length)
    }
    this.#later.push({ type, text: said })
    return this.#bound(BLOCK_CHARS + said.length)
  }

  #call({ index = 0, id, function: called }: WireToolCall): string {
    this.#called = true
    const { name = '', arguments: json = '' } = called ?? {}
    let chars = name.length + json.length
    let call = this.#later.find((one) => one.type === 'call' && one.index === index)
    if (call?.type !== 'call') {
      call = { type: 'call', index, id: id ?? `toolu_${index}`, name: '', json: '' }
      this.#later.push(call)
      chars += BLOCK_CHARS
    }
    call.name += name
    call.json += json
    return this.#bound(chars)
  }

  #bound(chars: number): string {
    this.#laterChars += chars
    if (this.#laterChars <= LATER_CHARS_MAX) return ''
    this.#later.length = 0
    this.over = TOO_LARGE
    return this.#error(TOO_LARGE)
  }

  #end(finish: AnswerFinish): string {
    if (this.#stopped) return ''
    // The engine's own words were whole, but for the last.
    if (this.#relays && this.#blocks.begun) return this.#blocks.end()
    let text = this.#begin()
    // The rest of a call that has begun in the engine's own words comes before anything else.
    const { openCall } = this.#blocks
    for (const later of this.#later) {
      if (later.type === 'call' && later.index === openCall) text += this.#blocks.rest(later.json)
    }
    for (const later of this.#later) {
      if (later.type !== 'call' || later.index !== openCall) text += this.#write(later)
    }
    const { stop } = this.#asked.request
    return (
      text +
      this.#blocks.close() +
      eventText('message_delta', {
        delta: stopOf(this.#choice, sequencesOf(stop), this.#called),
        usage: usageOf(finish.usage),
        upshift: this.#summary(finish),
      }) +
      this.#blocks.end()
    )
  }

  #write(later: Later): string {
    switch (later.type) {
      case 'text':
        return this.#blocks.text(later.text)
      case 'thought':
        return this.#blocks.thought(later.text)
      case 'signed':
        return this.#blocks.signed(later.block)
      case 'call':
        return this.#blocks.call(later.id, later.name, objectText(later.json))
    }
  }

  #error(problem: Problem): string {
    if (this.#stopped) return ''
    this.#stopped = true
    const { body } = messagesProblem(problem, this.#asked.id)
    return eventText('error', { ...body })
  }

  #summary(finish: AnswerFinish): unknown {
    const { id, answer } = this.#asked
    return summarise(id, answer.plan, answer.start, finish)
  }
}

const TOO_LARGE: Problem = {
  code: 'answer_too_large',
  message: `The calls of tools in the answer grew beyond ${LATER_CHARS_MAX} characters. Ask for less.`,
}

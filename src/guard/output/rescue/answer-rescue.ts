import type {
  ChatChunk,
  ChatCompletion,
  ChatRequest,
  WireMessage,
  WireToolCall,
} from '../../../contract/chat.ts'
import {
  type AnswerEvent,
  type AnswerWhole,
  type Batch,
  type ChunkDelta,
  isTerminal,
  type Verdict,
} from '../../../contract/event.ts'
import { systemClock } from '../../../lib/clock.ts'
import { newId as newTimedId } from '../../../lib/ids.ts'
import type { GuardConfig } from '../../config.ts'
import { MAX_CALLS } from './block.ts'
import { type OfferedTools, offeredBy } from './offered.ts'
import { type Rescue, rescueText, TextRescue } from './text-rescue.ts'
import { verdictOn } from './verdict.ts'

interface AnswerRescueParts {
  readonly offered: OfferedTools
  /** Only a call that a mark announces is one: the answer is to be JSON, and a bare call may be that. */
  readonly marksOnly: boolean
  /** Calls that one choice may make at most. */
  readonly maxCalls: number
  /** Bytes of events that may be held back; beyond, nothing is rescued. */
  readonly maxHeldBytes: number
  /** A fresh id for a call. */
  readonly newId: () => string
}

/**
 * What rescues the calls of one answer; undefined where no call could be rescued, or the configuration says so.
 */
export function createRescue(
  request: ChatRequest,
  { output, bounds }: GuardConfig,
): AnswerRescue | undefined {
  const offered = output.rescueToolCalls ? offeredBy(request) : undefined
  if (offered === undefined) return undefined
  const format = request.response_format?.type
  return new AnswerRescue({
    offered,
    marksOnly: format === 'json_schema' || format === 'json_object',
    maxCalls: request.parallel_tool_calls === false ? 1 : MAX_CALLS,
    maxHeldBytes: bounds.maxHeldBytes,
    newId,
  })
}

/** As OpenAI's ids of calls look: `call_` and 24 characters. */
function newId(): string {
  return `call_${newTimedId('', systemClock.now()).slice(-CALL_ID_CHARS)}`
}

const CALL_ID_CHARS = 24

type DeltaChoice = ChatChunk['choices'][number]

/** An event that waits, and which part of its choices' texts it brought. */
interface Waiting {
  readonly event: ChunkDelta
  readonly spans: ReadonlyMap<number, Span>
}

interface Span {
  readonly from: number
  readonly to: number
}

interface Choice {
  readonly text: TextRescue
  ended: boolean
}

/**
 * DESIGN. Calls that a model only printed become calls of the answer. What may yet be part of one is held back as
 * the very events that it came in, so an answer in which nothing is rescued leaves byte for byte as it came, in
 * the order in which it came. Where a choice ends and its text turns out to be calls, its events are written
 * anew: what is not part of a call remains content, the calls follow in a chunk of their own, and the finish
 * reason says so. A choice that makes calls itself, or is cut off, is left alone.
 */
export class AnswerRescue {
  readonly #parts: AnswerRescueParts
  readonly #choices = new Map<number, Choice>()
  readonly #rescues: Rescue[] = []
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** The latest chunk: the mould for a chunk of our own. */
  #mould: ChatChunk = { choices: [] }

  constructor(parts: AnswerRescueParts) {
    this.#parts = parts
  }

  get verdicts(): readonly Verdict[] {
    return this.#rescues.length === 0 ? [] : [verdictOn(this.#rescues)]
  }

  /** The events that may go on now: the same batch where nothing is held and nothing had to change. */
  take(batch: Batch): Batch {
    const out: AnswerEvent[] = []
    for (const event of batch) {
      if (event.type === 'chunk-delta') this.#takeChunk(event, out)
      else if (event.type === 'answer-whole') out.push(this.#takeWhole(event))
      else {
        if (isTerminal(event)) out.push(...this.flush())
        out.push(event)
      }
    }
    const same = out.length === batch.length && out.every((event, at) => event === batch[at])
    return same ? batch : out
  }

  /** What is still held back, at the end: calls, or the events as they came. */
  flush(): Batch {
    for (const [index, choice] of this.#choices) this.#end(index, choice, undefined)
    const out: AnswerEvent[] = []
    this.#release(out)
    return out
  }

  #takeChunk(event: ChunkDelta, out: AnswerEvent[]): void {
    this.#mould = event.chunk
    if (this.#waiting.length === 0 && this.#passes(event.chunk.choices)) {
      out.push(event)
      return
    }
    const spans = new Map<number, Span>()
    for (const { index, delta } of event.chunk.choices) {
      const { text } = this.#choice(index)
      const from = text.length
      if (callsTools(delta)) text.stop()
      if (typeof delta.content === 'string') text.push(delta.content)
      spans.set(index, { from, to: text.length })
    }
    this.#waiting.push({ event, spans })
    this.#waitingBytes += bytesOf(event)
    for (const { index, finish_reason: reason } of event.chunk.choices) {
      if (reason != null) this.#end(index, this.#choice(index), reason)
    }
    if (this.#waitingBytes > this.#parts.maxHeldBytes) {
      for (const { text } of this.#choices.values()) text.stop()
    }
    this.#release(out)
  }

  /** The common event of a stream: a piece of prose of one choice, which cannot be part of a call. */
  #passes(choices: readonly DeltaChoice[]): boolean {
    const [choice] = choices
    if (choice === undefined) return true
    if (choices.length > 1 || choice.finish_reason != null) return false
    const { content, tool_calls: calls } = choice.delta
    if (calls !== undefined || choice.delta['function_call'] != null) return false
    return typeof content !== 'string' || this.#choice(choice.index).text.pass(content)
  }

  #choice(index: number): Choice {
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      choice = { text: new TextRescue(this.#parts.offered, this.#parts.marksOnly), ended: false }
      this.#choices.set(index, choice)
    }
    return choice
  }

  #holds(spans: ReadonlyMap<number, Span>): boolean {
    for (const [index, { to }] of spans) if (this.#choice(index).text.heldFrom < to) return true
    return false
  }

  /** From the first event on in which something is held all of them wait, so that their order is kept. */
  #release(out: AnswerEvent[]): void {
    const stuck = this.#waiting.findIndex(({ spans }) => this.#holds(spans))
    const free = this.#waiting.splice(0, stuck === -1 ? this.#waiting.length : stuck)
    for (const { event } of free) {
      this.#waitingBytes -= bytesOf(event)
      out.push(event)
    }
  }

  /** A choice ends. Where it was calls, what waits of it is written anew. `reason`: as its last event says it. */
  #end(index: number, choice: Choice, reason: string | undefined): void {
    if (choice.ended) return
    choice.ended = true
    const rescue = isCut(reason) ? undefined : this.#within(choice.text.end())
    choice.text.stop()
    if (rescue === undefined) return
    this.#rescues.push(rescue)
    const written = this.#waiting.flatMap((waiting) => withoutCalls(waiting, index, rescue))
    const last = reason === undefined ? [] : written.splice(-1)
    const event = this.#callsOf(index, rescue, reason === undefined)
    this.#waiting = [...written, { event, spans: new Map() }, ...last]
    this.#waitingBytes = this.#waiting.reduce((sum, waiting) => sum + bytesOf(waiting.event), 0)
  }

  #within(rescue: Rescue | undefined): Rescue | undefined {
    return rescue === undefined || rescue.calls.length > this.#parts.maxCalls ? undefined : rescue
  }

  /** The calls as one chunk; `last`: no event of the choice follows. */
  #callsOf(index: number, rescue: Rescue, last: boolean): ChunkDelta {
    const { usage: _, ...mould } = this.#mould
    const calls = this.#wireCalls(rescue).map((call, at) => ({ index: at, ...call }))
    const choice = { index, delta: { tool_calls: calls }, finish_reason: last ? 'tool_calls' : null }
    return { type: 'chunk-delta', chunk: { ...mould, choices: [choice] } }
  }

  #wireCalls(rescue: Rescue): readonly WireToolCall[] {
    return rescue.calls.map((call) => ({
      id: this.#parts.newId(),
      type: 'function',
      function: { name: call.name, arguments: call.arguments },
    }))
  }

  #takeWhole(event: AnswerWhole): AnswerWhole {
    let changed = false
    const choices = event.completion.choices.map((choice): ChatCompletion['choices'][number] => {
      const { message, finish_reason: reason } = choice
      const { content } = message
      if (typeof content !== 'string' || callsTools(message) || isCut(reason)) return choice
      const rescue = this.#within(rescueText(content, this.#parts.offered, this.#parts.marksOnly))
      if (rescue === undefined) return choice
      changed = true
      this.#rescues.push(rescue)
      const rest = outside(content, 0, rescue)
      const respelled = choice.logprobs == null ? {} : { logprobs: null }
      return {
        ...choice,
        ...respelled,
        message: {
          ...message,
          content: rest.trim() === '' ? null : rest,
          tool_calls: this.#wireCalls(rescue),
        },
        finish_reason: 'tool_calls',
      }
    })
    return changed ? { type: 'answer-whole', completion: { ...event.completion, choices } } : event
  }
}

/**
 * The event without what a choice's calls were; none where nothing is left of it. Its end says that calls were
 * made.
 */
function withoutCalls(waiting: Waiting, index: number, rescue: Rescue): readonly Waiting[] {
  const span = waiting.spans.get(index)
  if (span === undefined) return [waiting]
  const { chunk } = waiting.event
  const choices = chunk.choices.flatMap((choice): readonly DeltaChoice[] => {
    if (choice.index !== index) return [choice]
    const content = choice.delta.content ?? ''
    const rest = outside(content, span.from, rescue)
    const ends = choice.finish_reason != null
    if (rest === content && !ends) return [choice]
    const delta = rest === content ? choice.delta : { ...choice.delta, content: rest }
    if (!ends && saysNothing(delta)) return []
    const respelled = choice.logprobs == null || rest === content ? {} : { logprobs: null }
    return [{ ...choice, ...respelled, delta, ...(ends ? { finish_reason: 'tool_calls' } : {}) }]
  })
  if (choices.length === 0 && chunk.usage == null) return []
  const same =
    choices.length === chunk.choices.length && choices.every((one, at) => one === chunk.choices[at])
  if (same) return [waiting]
  return [{ event: { type: 'chunk-delta', chunk: { ...chunk, choices } }, spans: waiting.spans }]
}

/** What of a piece of text, which begins at `from`, is not part of a call. */
function outside(text: string, from: number, { cuts }: Rescue): string {
  let rest = ''
  let at = 0
  for (const cut of cuts) {
    rest += text.slice(at, Math.max(at, cut.from - from))
    at = Math.min(text.length, Math.max(at, cut.to - from))
  }
  return rest + text.slice(at)
}

function saysNothing(delta: WireMessage): boolean {
  for (const field in delta) {
    const value = delta[field]
    if (value != null && value !== '') return false
  }
  return true
}

function callsTools(message: WireMessage): boolean {
  return (message.tool_calls?.length ?? 0) > 0 || message['function_call'] != null
}

/** The text ends where nobody wanted it to: a list of calls may have had more of them. */
function isCut(reason: string | null | undefined): boolean {
  return reason === 'length' || reason === 'content_filter'
}

function bytesOf(event: ChunkDelta): number {
  return event.wire?.length ?? JSON.stringify(event.chunk).length
}

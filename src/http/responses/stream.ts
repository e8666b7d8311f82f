import type { ChatChunk, WireMessage, WireToolCall } from '../../contract/chat.ts'
import type { AnswerFinish, Batch } from '../../contract/event.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Usage } from '../../contract/usage.ts'
import { namedInResponses } from '../named.ts'
import { callId, itemId } from './ids.ts'
import { type Growing, GrowingCall, GrowingMessage, GrowingReasoning, type Tell } from './items.ts'
import { type Begun, endOf, responseObject, type Standing } from './object.ts'
import { logprobsOf } from './output.ts'

/** Characters of one streamed answer: all of it is told again at its end, so all of it is in memory until then. */
const ANSWER_CHARS_MAX = 8_388_608

export interface StreamParts {
  readonly begun: Begun
  /** Milliseconds since the epoch. */
  now(): number
  /** The `upshift` field. */
  summary(finish: AnswerFinish): unknown
}

/**
 * DESIGN. The chunks of Chat Completions as the events of Responses. An item opens with its first text and keeps its
 * place: reasoning closes when something else begins, the message and the calls close at the end, since pieces of
 * them may come interleaved. Every item that was added is done before the response ends, whichever way it ends.
 */
export class ResponseStream {
  readonly #parts: StreamParts
  /** Events that are written and have not been taken. */
  #out = ''
  #sequence = 0
  /** Why the response was ended here, before the answer's end. */
  over: Problem | undefined
  #closed = false
  readonly #items: Growing[] = []
  #reasoning: GrowingReasoning | undefined
  #reasonings = 0
  #message: GrowingMessage | undefined
  /** By the index that the engine gives them. */
  readonly #calls = new Map<number, GrowingCall>()
  #chars = 0
  #finish: string | undefined
  #serviceTier: string | undefined

  constructor(parts: StreamParts) {
    this.#parts = parts
  }

  /** The events of a batch, as one text. */
  batch(batch: Batch): string {
    if (this.#sequence === 0) this.#begin()
    for (const event of batch) {
      // What still comes is not written.
      if (this.#closed) break
      if (event.type === 'chunk-delta') this.#chunk(event.chunk)
      else if (event.type === 'answer-finish') this.#end(event)
      else if (event.type === 'answer-error') this.#fail(namedInResponses(event.problem), event.usage)
      if (this.#chars <= ANSWER_CHARS_MAX) continue
      this.over = TOO_LARGE
      this.#fail(TOO_LARGE, undefined)
    }
    const text = this.#out
    this.#out = ''
    return text
  }

  readonly #tell: Tell = (type, fields) => {
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields })
    this.#out += `event: ${type}\ndata: ${data}\n\n`
  }

  #begin(): void {
    const response = responseObject(this.#parts.begun, { status: 'in_progress', output: [] })
    this.#tell('response.created', { response })
    this.#tell('response.in_progress', { response })
  }

  #chunk(chunk: ChatChunk): void {
    if (typeof chunk['service_tier'] === 'string') this.#serviceTier = chunk['service_tier']
    for (const { index, delta, logprobs, finish_reason: finish } of chunk.choices) {
      if (index !== 0) continue
      this.#delta(delta, logprobs)
      if (finish != null) this.#finish = finish
    }
  }

  #delta(delta: WireMessage, logprobs: unknown): void {
    const { content, refusal, tool_calls: calls, reasoning_content, reasoning } = delta
    const thought = textOf(reasoning_content) || textOf(reasoning)
    if (thought !== '') this.#think(thought)
    if (content) {
      this.#chars += content.length
      this.#speaking().add(content, logprobsOf(logprobs))
    }
    if (refusal) {
      this.#chars += refusal.length
      this.#speaking().addRefusal(refusal)
    }
    for (const call of calls ?? []) this.#call(call)
  }

  #think(text: string): void {
    this.#chars += text.length
    if (this.#reasoning === undefined) {
      const id = itemId('rs', this.#parts.begun.requestId, this.#reasonings++)
      this.#reasoning = this.#put(new GrowingReasoning(this.#tell, this.#items.length, id))
      this.#reasoning.open()
    }
    this.#reasoning.add(text)
  }

  #speaking(): GrowingMessage {
    this.#thought()
    if (this.#message === undefined) {
      const id = itemId('msg', this.#parts.begun.requestId, 0)
      this.#message = this.#put(new GrowingMessage(this.#tell, this.#items.length, id))
      this.#message.open()
    }
    return this.#message
  }

  #call({ index, id, function: called }: WireToolCall): void {
    this.#thought()
    const { requestId } = this.#parts.begun
    const number = this.#calls.size
    let call = this.#calls.get(index ?? number)
    if (call === undefined) {
      call = this.#put(new GrowingCall(this.#tell, this.#items.length, itemId('fc', requestId, number)))
      this.#calls.set(index ?? number, call)
      call.open(id ?? callId(requestId, number), called?.name ?? '')
    }
    const more = called?.arguments ?? ''
    this.#chars += more.length
    if (more !== '') call.add(more)
  }

  /** Something else begins: what the model thought before it is whole. */
  #thought(): void {
    this.#reasoning?.close('completed')
    this.#reasoning = undefined
  }

  #put<Item extends Growing>(item: Item): Item {
    this.#items.push(item)
    return item
  }

  #end(finish: AnswerFinish): void {
    const end = endOf(this.#finish)
    const completed = end.status === 'completed' ? { completedAt: this.#parts.now() } : {}
    const standing = { ...end, ...completed, usage: finish.usage, serviceTier: this.#serviceTier }
    this.#close(end.status, standing, this.#parts.summary(finish))
  }

  /** The event `error` for clients that only look for it, then the response as far as it came. */
  #fail(problem: Problem, usage: Usage | undefined): void {
    for (const item of this.#items) item.close('incomplete')
    const { code, message, param } = problem
    this.#tell('error', { code, message, param: param ?? null })
    this.#close('incomplete', { status: 'failed', problem, usage }, undefined)
  }

  #close(items: 'completed' | 'incomplete', standing: Omit<Standing, 'output'>, upshift: unknown): void {
    for (const item of this.#items) item.close(items)
    const output = this.#items.flatMap(({ item }) => item ?? [])
    const response = responseObject(this.#parts.begun, { ...standing, output }, upshift)
    this.#tell(`response.${standing.status}`, { response })
    this.#closed = true
  }
}

const TOO_LARGE: Problem = {
  code: 'answer_too_large',
  message: `The answer grew beyond ${ANSWER_CHARS_MAX} characters, the most that is streamed as a response. Ask for less with max_output_tokens.`,
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

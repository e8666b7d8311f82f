import type { ChatChunk, WireMessage } from '../../contract/chat.ts'
import type { ChunkDelta } from '../../contract/event.ts'
import type { MessagesUsage } from '../../contract/messages.ts'
import type { Problem } from '../../contract/problem.ts'
import { EventReader, isJson } from '../event-reader.ts'
import { answerError, answerFinish, garbled, sample } from '../reader.ts'
import { isRecord, problemOfErrorValue } from '../upstream.ts'
import { Blocks, type Said } from './blocks.ts'
import { finishOf } from './stop.ts'
import { merged, usageOf, wireUsageOf } from './usage.ts'
import { type MessagesReading, ownText } from './whole-reader.ts'

/** Events before the first content that wait for it, so that a failure until then can still be tried elsewhere. */
const LEADING_MAX = 256
/** What the name of an event may look like: it stands on a line of its own. */
const NAME = /^[a-z][a-z0-9_]{0,63}$/

/**
 * Reads a streamed message. Every event goes on as the very text that it came as, beside what it says in Chat
 * Completions; one that says nothing there (a block begins, a ping) is silent. The answer is whole when
 * `message_stop` came, or when `message_delta` gave the reason why it stopped.
 */
export class MessageStreamReader extends EventReader {
  readonly #reading: MessagesReading
  readonly #blocks = new Blocks()
  #head: Pick<ChatChunk, 'id' | 'model'> | undefined
  #leading: ChunkDelta[] | undefined = []
  #usage: MessagesUsage = {}
  #stopped = false
  #ended = false

  constructor(reading: MessagesReading) {
    super(reading.target, reading.sink)
    this.#reading = reading
  }

  override settle(): boolean {
    if (this.#ended || !this.#stopped) return false
    this.#finish()
    return true
  }

  override event(data: string, oneLine: boolean): boolean {
    if (this.#ended) return false
    let value: unknown
    try {
      value = JSON.parse(data)
    } catch {
      return this.fail(garbled(this.target, `an event of its stream is not JSON (${sample(data)})`))
    }
    const name = isRecord(value) ? value['type'] : undefined
    if (!isRecord(value) || typeof name !== 'string' || !NAME.test(name)) {
      return this.fail(garbled(this.target, `an event of its stream has no type (${sample(data)})`))
    }
    if (name === 'error') return this.fail(problemOfErrorValue(this.target, value))
    const wire = `event: ${name}\ndata: ${ownText(value, oneLine ? data : JSON.stringify(value))}\n\n`
    if (name === 'message_stop') return this.#stop(wire)
    if (name !== 'message_start' && name !== 'ping' && this.#head === undefined) {
      return this.fail(garbled(this.target, `its stream does not begin with message_start but with ${name}`))
    }
    if (name === 'message_delta') return this.#end(value, wire)
    const said = this.#say(name, value)
    if (typeof said === 'string') return this.fail(garbled(this.target, said))
    return this.#pass(said, wire, name)
  }

  protected override closed(rest: string): void {
    if (this.#ended) return
    if (rest !== '' && !isJson(rest)) {
      this.fail(this.cutOff('in the middle of an event'))
      return
    }
    if (rest !== '' && !this.event(rest, true)) return
    if (this.#stopped) this.#finish()
    else if (this.#head === undefined) this.fail(garbled(this.target, 'it answered 200 with no event at all'))
    else this.fail(this.cutOff('without message_stop'))
  }

  protected override fail(problem: Problem): false {
    if (this.#ended) return false
    this.#ended = true
    // What was counted before the end is too low: an unknown usage is charged at its worst case instead.
    this.sink.end(answerError(problem, this.#stopped ? usageOf(this.#usage) : undefined))
    return false
  }

  /** What the event says in Chat Completions; undefined for nothing, and a text says what is wrong with it. */
  #say(name: string, value: Record<string, unknown>): Said {
    switch (name) {
      case 'message_start':
        return this.#begin(value['message'])
      case 'content_block_start':
        return this.#blocks.start(value['index'], value['content_block'])
      case 'content_block_delta':
        return this.#blocks.delta(value['index'], value['delta'])
      case 'content_block_stop':
        return this.#blocks.stop(value['index'])
      default:
        return undefined
    }
  }

  #begin(message: unknown): Said {
    if (!isRecord(message)) return 'its message_start has no message'
    if (this.#head !== undefined) return 'its stream begins a second message'
    const { id, model } = message
    this.#head = {
      ...(typeof id === 'string' ? { id } : {}),
      ...(typeof model === 'string' ? { model } : {}),
    }
    this.#usage = merged(this.#usage, message['usage'])
    return { role: 'assistant', content: '' }
  }

  #pass(delta: WireMessage | undefined, wire: string, name: string): boolean {
    // A ping while a thought is being thought in silence is a sign of life.
    const token = name.startsWith('content_block') ? delta !== undefined : this.#blocks.thinking
    const event: ChunkDelta = {
      type: 'chunk-delta',
      chunk: this.#chunk([{ index: 0, delta: delta ?? {}, finish_reason: null }]),
      wire,
      dialect: 'messages',
      ...(delta === undefined ? { silent: true } : {}),
    }
    if (this.#leading === undefined) this.sink.event(event, wire.length, token)
    else {
      this.#leading.push(event)
      if (token || this.#leading.length >= LEADING_MAX) this.#lead(token)
    }
    return true
  }

  /** Lets go what was waiting for the first content. */
  #lead(token: boolean): void {
    for (const event of this.#leading ?? []) this.sink.event(event, event.wire?.length ?? 0, token)
    this.#leading = undefined
  }

  /** `message_delta`: why the answer stopped, and what it took. */
  #end(value: Record<string, unknown>, wire: string): boolean {
    const delta = isRecord(value['delta']) ? value['delta'] : {}
    const reason = delta['stop_reason']
    this.#usage = merged(this.#usage, value['usage'])
    this.#lead(false)
    const ends = typeof reason === 'string'
    const choice = { index: 0, delta: {}, finish_reason: null }
    const chunk = this.#chunk([ends ? { ...choice, ...finishOf(reason, delta['stop_sequence']) } : choice])
    const silent = ends ? {} : ({ silent: true } as const)
    this.sink.event({ type: 'chunk-delta', chunk, wire, dialect: 'messages', ...silent }, wire.length, true)
    if (!ends || this.#stopped) return true
    this.#stopped = true
    const usage = usageOf(this.#usage)
    if (usage !== undefined) {
      const counted = { ...this.#chunk([]), usage: wireUsageOf(usage) }
      this.sink.event({ type: 'chunk-delta', chunk: counted }, 0, false)
    }
    this.sink.finished()
    return true
  }

  #stop(wire: string): false {
    if (!this.#stopped) return this.fail(this.cutOff('with message_stop and no reason why'))
    const chunk = this.#chunk([{ index: 0, delta: {}, finish_reason: null }])
    this.sink.event(
      { type: 'chunk-delta', chunk, wire, dialect: 'messages', silent: true },
      wire.length,
      false,
    )
    this.#finish()
    return false
  }

  #finish(): void {
    this.#ended = true
    this.sink.end(answerFinish(usageOf(this.#usage), this.#reading.verdicts))
  }

  #chunk(choices: ChatChunk['choices']): ChatChunk {
    const { created } = this.#reading
    return { ...this.#head, object: 'chat.completion.chunk', created, choices }
  }
}

import type { ChatChunk } from '../contract/chat.ts'
import type { Problem } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import { carriesContent, readChunk, usageIn } from './chunk.ts'
import { EventReader, isJson } from './event-reader.ts'
import { answerError, answerFinish, brokenOff, garbled, type Reading, sample } from './reader.ts'
import type { SseField } from './sse.ts'
import { ToolIndexes } from './tool-indexes.ts'
import { problemOfErrorValue } from './upstream.ts'
import { readUsage } from './usage.ts'

/**
 * Reads a streamed answer. It is whole when `[DONE]` came, or when every choice has its `finish_reason`; a stream
 * that just ends has been cut off, and says so.
 */
export class StreamReader extends EventReader {
  readonly #reading: Reading
  readonly #choices: number
  readonly #indexes = new ToolIndexes()
  readonly #finished = new Set<number>()
  readonly #begun = new Set<number>()
  #anything = false
  #usage: Usage | undefined
  #ended = false

  /** @param choices - how many were asked for */
  constructor(reading: Reading, choices: number) {
    super(reading.target, reading.sink)
    this.#reading = reading
    this.#choices = choices
  }

  protected override closed(rest: string): void {
    if (this.#ended) return
    if (rest !== '' && rest !== '[DONE]' && !isJson(rest)) {
      this.fail(this.cutOff('in the middle of an event'))
      return
    }
    if (rest !== '' && !this.event(rest, false, 'data')) return
    if (this.#whole()) this.#finish()
    else if (!this.#anything) this.fail(garbled(this.#reading.target, 'it answered 200 with no event at all'))
    else this.fail(this.cutOff('without [DONE] and without a finish_reason for every choice'))
  }

  /** Ends an answer that is whole although the engine has not closed it. False where it is not whole. */
  override settle(): boolean {
    if (this.#ended || !this.#whole()) return false
    this.#finish()
    return true
  }

  override event(data: string, oneLine: boolean, field: SseField): boolean {
    if (this.#ended) return false
    const { target } = this.#reading
    if (field === 'error' && !target.quirks.errorField) return true
    if (data.length <= 8 && data.trim() === '[DONE]') return this.#done()
    let value: unknown
    try {
      value = JSON.parse(data)
    } catch {
      return this.fail(garbled(target, `an event of its stream is not JSON (${sample(data)})`))
    }
    if (field === 'error') return this.fail(problemOfErrorValue(target, value))
    const read = readChunk(value, this.#indexes)
    if (read.type === 'error') return this.fail(problemOfErrorValue(target, read.error))
    if (read.type === 'garbled') {
      return this.fail(garbled(target, `an event of its stream is not a chat completion chunk: ${read.why}`))
    }
    return this.#chunk(read.value, data, oneLine && !read.changed)
  }

  /** @param original - whether `data` still says what the chunk says, on one line */
  #chunk(chunk: ChatChunk, data: string, original: boolean): boolean {
    const { target, sink } = this.#reading
    this.#anything = true
    const wire = usageIn(chunk, target.quirks.usageUnder)
    if (wire !== undefined) this.#usage = readUsage(wire) ?? this.#usage
    const token = carriesContent(chunk)
    let ends = false
    for (const choice of chunk.choices) {
      this.#begun.add(choice.index)
      if (typeof choice.finish_reason !== 'string') continue
      if (choice.finish_reason === 'error') return this.fail(brokenOff(target))
      this.#finished.add(choice.index)
      ends = true
    }
    // A count from before this content is too low: an unknown usage is charged at its worst case instead.
    if (wire === undefined && token && !ends) this.#usage = undefined
    sink.event(
      original ? { type: 'chunk-delta', chunk, wire: data } : { type: 'chunk-delta', chunk },
      data.length,
      token,
    )
    if (ends && this.#whole()) sink.finished()
    return true
  }

  #done(): boolean {
    if (this.#begun.size === 0)
      return this.fail(garbled(this.#reading.target, 'it ended its stream without an answer'))
    this.#finish()
    return false
  }

  #whole(): boolean {
    return this.#finished.size >= this.#choices && this.#finished.size === this.#begun.size
  }

  #finish(): void {
    this.#ended = true
    this.#reading.sink.end(answerFinish(this.#usage, this.#reading.verdicts))
  }

  protected override fail(problem: Problem): false {
    if (this.#ended) return false
    this.#ended = true
    this.#reading.sink.end(answerError(problem, this.#usage))
    return false
  }
}

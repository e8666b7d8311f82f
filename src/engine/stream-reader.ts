import type { ChatChunk } from '../contract/chat.ts'
import type { Problem } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import { carriesContent, readChunk, usageIn } from './chunk.ts'
import {
  answerError,
  answerFinish,
  brokenOff,
  garbled,
  type Reader,
  type Reading,
  sample,
  UnstreamedReader,
} from './reader.ts'
import { MAX_EVENT_BYTES, type SseField, SseParser, type SseReceiver } from './sse.ts'
import { ToolIndexes } from './tool-indexes.ts'
import { problemOfErrorValue } from './upstream.ts'
import { readUsage } from './usage.ts'

const BRACE = 0x7b
const BRACKET = 0x5b
const ANGLE = 0x3c

/**
 * Reads a streamed answer. It is whole when `[DONE]` came, or when every choice has its `finish_reason`; a stream
 * that just ends has been cut off, and says so. What the content type claims is not believed: a body that begins
 * with `{`, `[` or `<` is no event stream.
 */
export class StreamReader implements Reader, SseReceiver {
  readonly #reading: Reading
  readonly #choices: number
  readonly #parser = new SseParser(this)
  readonly #indexes = new ToolIndexes()
  readonly #finished = new Set<number>()
  readonly #begun = new Set<number>()
  #unstreamed: UnstreamedReader | undefined
  #sniffed = false
  #anything = false
  #usage: Usage | undefined
  #ended = false

  /** @param choices - how many were asked for */
  constructor(reading: Reading, choices: number) {
    this.#reading = reading
    this.#choices = choices
  }

  read(bytes: Buffer): void {
    if (!this.#sniffed) this.#sniff(bytes)
    if (this.#unstreamed !== undefined) this.#unstreamed.read(bytes)
    else this.#parser.push(bytes)
  }

  close(): void {
    if (this.#unstreamed !== undefined) this.#unstreamed.close()
    else if (!this.#ended) this.#close(this.#parser.end()?.trim() ?? '')
  }

  /** @param rest - an event without the blank line that should have ended it */
  #close(rest: string): void {
    if (rest !== '' && rest !== '[DONE]' && !isJson(rest)) {
      this.#fail(this.#cutOff('in the middle of an event'))
      return
    }
    if (rest !== '' && !this.event(rest, false, 'data')) return
    if (this.#whole()) this.#finish()
    else if (!this.#anything)
      this.#fail(garbled(this.#reading.target, 'it answered 200 with no event at all'))
    else this.#fail(this.#cutOff('without [DONE] and without a finish_reason for every choice'))
  }

  /** Ends an answer that is whole although the engine has not closed it. False where it is not whole. */
  settle(): boolean {
    if (this.#ended || !this.#whole()) return false
    this.#finish()
    return true
  }

  event(data: string, oneLine: boolean, field: SseField): boolean {
    if (this.#ended) return false
    const { target } = this.#reading
    if (field === 'error' && !target.quirks.errorField) return true
    if (data.length <= 8 && data.trim() === '[DONE]') return this.#done()
    let value: unknown
    try {
      value = JSON.parse(data)
    } catch {
      return this.#fail(garbled(target, `an event of its stream is not JSON (${sample(data)})`))
    }
    if (field === 'error') return this.#fail(problemOfErrorValue(target, value))
    const read = readChunk(value, this.#indexes)
    if (read.type === 'error') return this.#fail(problemOfErrorValue(target, read.error))
    if (read.type === 'garbled') {
      return this.#fail(garbled(target, `an event of its stream is not a chat completion chunk: ${read.why}`))
    }
    return this.#chunk(read.value, data, oneLine && !read.changed)
  }

  tooLarge(): void {
    const bound = `an event of its stream is larger than ${MAX_EVENT_BYTES / 1024 / 1024} MiB`
    this.#fail(garbled(this.#reading.target, bound))
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
      if (choice.finish_reason === 'error') return this.#fail(brokenOff(target))
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
      return this.#fail(garbled(this.#reading.target, 'it ended its stream without an answer'))
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

  #fail(problem: Problem): false {
    if (this.#ended) return false
    this.#ended = true
    this.#reading.sink.end(answerError(problem, this.#usage))
    return false
  }

  #cutOff(how: string): Problem {
    const { engine } = this.#reading.target
    return {
      code: 'upstream_garbled',
      message: `The answer of engine ${engine} was cut off: its stream ended ${how}. What came is incomplete; ask again, and look at the engine’s own log.`,
    }
  }

  #sniff(bytes: Buffer): void {
    for (const byte of bytes) {
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue
      this.#sniffed = true
      if (byte === BRACE || byte === BRACKET || byte === ANGLE)
        this.#unstreamed = new UnstreamedReader(this.#reading.target, this.#reading.sink)
      return
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

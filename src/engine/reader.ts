import type { IncomingHttpHeaders } from 'node:http'
import type { AnswerError, AnswerEvent, AnswerFinish, Batch, Verdict } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import type { Usage } from '../contract/usage.ts'
import { readCompletion, usageIn } from './chunk.ts'
import type { OpenAiTarget, Target } from './target.ts'
import { clean, problemOfErrorValue, problemOfResponse } from './upstream.ts'
import { readUsage } from './usage.ts'

/** A whole answer may not be larger than this. */
const MAX_WHOLE_BYTES = 32 * 1024 * 1024
/** Of an error's body no more than this is read. */
const MAX_ERROR_BYTES = 64 * 1024
const SAMPLE_CHARACTERS = 80

/** Where a reader puts what it found. `end` is called exactly once, and nothing after it. */
export interface Sink {
  /** Content; `bytes` is what it weighs in the queue, `token` whether it carries content. */
  event(event: AnswerEvent, bytes: number, token: boolean): void
  /** Every choice has finished; only usage and the end mark are still to come. */
  finished(): void
  end(terminal: AnswerFinish | AnswerError): void
}

/** Turns a response's body into events. */
export interface Reader {
  read(bytes: Buffer): void
  /** The body is over. */
  close(): void
  /** The answer comes whole: every read of it is progress. */
  readonly countsReads?: boolean
  /** Ends an answer that is whole although the engine has not closed it. False where it is not whole. */
  settle?(): boolean
}

export interface Reading {
  readonly target: OpenAiTarget
  readonly sink: Sink
  readonly verdicts: readonly Verdict[]
}

/** Reads a body up to a bound and hands it out as text. */
abstract class Collector implements Reader {
  readonly #parts: Buffer[] = []
  #bytes = 0
  #over = false
  readonly #bound: number

  constructor(bound: number) {
    this.#bound = bound
  }

  read(bytes: Buffer): void {
    if (this.#over) return
    this.#parts.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes <= this.#bound) return
    this.#over = true
    this.overflow(this.#text())
  }

  close(): void {
    if (this.#over) return
    this.#over = true
    this.complete(this.#text())
  }

  #text(): string {
    const [only, ...more] = this.#parts
    const whole = only !== undefined && more.length === 0 ? only : Buffer.concat(this.#parts)
    return whole.toString('utf8', 0, Math.min(this.#bytes, this.#bound))
  }

  protected abstract complete(text: string): void
  protected abstract overflow(text: string): void
}

/** Reads the body of a response that is not 2xx. */
export class FailureReader extends Collector {
  readonly #target: Target
  readonly #sink: Sink
  readonly #status: number
  readonly #headers: IncomingHttpHeaders
  readonly #nowMs: number

  /** @param nowMs - milliseconds since the epoch */
  constructor(target: Target, sink: Sink, status: number, headers: IncomingHttpHeaders, nowMs: number) {
    super(MAX_ERROR_BYTES)
    this.#target = target
    this.#sink = sink
    this.#status = status
    this.#headers = headers
    this.#nowMs = nowMs
  }

  protected override complete(text: string): void {
    const problem = problemOfResponse(this.#target, this.#status, this.#headers, text, this.#nowMs)
    this.#sink.end({ type: 'answer-error', problem })
  }

  protected override overflow(text: string): void {
    this.complete(text)
  }
}

/** Reads the whole body of a good response, up to a bound: a JSON document. */
export abstract class BodyReader<
  R extends { readonly target: Target; readonly sink: Sink },
> extends Collector {
  readonly countsReads = true
  protected readonly reading: R
  readonly #boundBytes: number

  constructor(reading: R, boundBytes: number) {
    super(boundBytes)
    this.reading = reading
    this.#boundBytes = boundBytes
  }

  protected override complete(text: string): void {
    const { target, sink } = this.reading
    const parsed = parseBody(target, text)
    sink.end(
      parsed.type === 'problem' ? answerError(parsed.problem, undefined) : this.answer(parsed.value, text),
    )
  }

  /** Hands the content to the sink, and returns the end. `text`: the body. */
  protected abstract answer(value: unknown, text: string): AnswerFinish | AnswerError

  protected override overflow(): void {
    const bound = `its answer is larger than ${this.#boundBytes} bytes`
    this.reading.sink.end(answerError(garbled(this.reading.target, bound), undefined))
  }
}

/** Reads a whole answer. One that is too large is not asked for again: it would be as large, and paid for again. */
export abstract class AnswerReader<
  R extends { readonly target: Target; readonly sink: Sink },
> extends BodyReader<R> {
  constructor(reading: R) {
    super(reading, MAX_WHOLE_BYTES)
  }

  protected override overflow(): void {
    const { target, sink } = this.reading
    const message = `The answer of engine ${target.engine} is larger than ${MAX_WHOLE_BYTES} bytes, the most that is taken whole. Ask for less, or have it streamed.`
    sink.end(answerError({ code: 'answer_too_large', message }, undefined))
  }
}

/** Reads a whole `chat.completion`. */
export class WholeReader extends AnswerReader<Reading> {
  protected override answer(value: unknown, text: string): AnswerFinish | AnswerError {
    const { target, sink, verdicts } = this.reading
    const read = readCompletion(value)
    if (read.type === 'error') return answerError(problemOfErrorValue(target, read.error), undefined)
    if (read.type === 'garbled') {
      return answerError(garbled(target, `its answer is not a chat completion: ${read.why}`), undefined)
    }
    const wire = usageIn(read.value, target.quirks.usageUnder)
    const usage = wire === undefined ? undefined : readUsage(wire)
    if (read.value.choices.some((choice) => choice.finish_reason === 'error')) {
      return answerError(brokenOff(target), usage)
    }
    sink.event({ type: 'answer-whole', completion: read.value }, text.length, true)
    return answerFinish(usage, verdicts)
  }
}

/** A body that is no stream although one was asked for: an error perhaps, else garbage. */
export class UnstreamedReader extends Collector {
  readonly #target: Target
  readonly #sink: Sink

  constructor(target: Target, sink: Sink) {
    super(MAX_ERROR_BYTES)
    this.#target = target
    this.#sink = sink
  }

  protected override complete(text: string): void {
    this.#sink.end(answerError(this.#problem(text), undefined))
  }

  #problem(text: string): Problem {
    const target = this.#target
    const parsed = parseBody(target, text)
    if (parsed.type === 'problem') return parsed.problem
    const read = readCompletion(parsed.value)
    return read.type === 'error'
      ? problemOfErrorValue(target, read.error)
      : garbled(target, 'it sent a JSON document where a stream of events was asked for')
  }

  protected override overflow(): void {
    const why = 'it sent a document where a stream of events was asked for'
    this.#sink.end(answerError(garbled(this.#target, why), undefined))
  }
}

function parseBody(
  target: Target,
  text: string,
):
  | { readonly type: 'value'; readonly value: unknown }
  | { readonly type: 'problem'; readonly problem: Problem } {
  const trimmed = text.trimStart()
  if (trimmed === '')
    return { type: 'problem', problem: garbled(target, 'it answered 200 with an empty body') }
  try {
    return { type: 'value', value: JSON.parse(text) }
  } catch {
    const kind = trimmed.startsWith('<')
      ? 'an HTML page'
      : trimmed.startsWith('data:')
        ? 'a stream of events'
        : undefined
    const why =
      kind === undefined
        ? `it answered with text that is not JSON (${sample(text)})`
        : `it answered with ${kind} instead of JSON`
    return { type: 'problem', problem: garbled(target, why) }
  }
}

export function answerFinish(usage: Usage | undefined, verdicts: readonly Verdict[]): AnswerFinish {
  return usage === undefined
    ? { type: 'answer-finish', verdicts }
    : { type: 'answer-finish', usage, verdicts }
}

/** For an error where nothing had been sent, so that nothing can be billed. */
export const NOTHING_SENT: Usage = { promptTokens: 0, completionTokens: 0 }

export function answerError(problem: Problem, usage: Usage | undefined): AnswerError {
  return usage === undefined ? { type: 'answer-error', problem } : { type: 'answer-error', problem, usage }
}

/** The whole of an answer for which nothing was sent. */
export async function* unsent(problem: Problem): AsyncGenerator<Batch> {
  yield [answerError(problem, NOTHING_SENT)]
}

/** @param why - a clause: what the engine did */
export function garbled(target: Target, why: string): Problem {
  return {
    code: 'upstream_garbled',
    message: `Engine ${target.engine} cannot be understood: ${why}. Check its address and its kind in the configuration, and any proxy in between.`,
  }
}

export function brokenOff(target: Target): Problem {
  return {
    code: 'upstream_failed',
    message: `Engine ${target.engine} ended the answer with finish_reason “error” and no word why. Look at the engine’s own log.`,
  }
}

/** The first characters of what could not be read, to recognise it by. */
export function sample(text: string): string {
  return `“${clean(text, SAMPLE_CHARACTERS)}”`
}

import type { AnswerError, AnswerFinish } from '../../contract/event.ts'
import { answerError, answerFinish, Collector, garbled, parseBody, type Sink } from '../reader.ts'
import type { Target } from '../target.ts'
import { isRecord, problemOfErrorValue } from '../upstream.ts'

/** The answer is one number. */
const MAX_COUNT_BYTES = 64 * 1024

/** Reads `{"input_tokens": n}`: the count ends as the usage of an answer that nobody wrote. */
export class CountReader extends Collector {
  readonly countsReads = true
  readonly #target: Target
  readonly #sink: Sink

  constructor(target: Target, sink: Sink) {
    super(MAX_COUNT_BYTES)
    this.#target = target
    this.#sink = sink
  }

  protected override complete(text: string): void {
    this.#sink.end(this.#count(text))
  }

  protected override overflow(): void {
    this.#sink.end(answerError(garbled(this.#target, 'its count of tokens is larger than 64 KiB'), undefined))
  }

  #count(text: string): AnswerFinish | AnswerError {
    const parsed = parseBody(this.#target, text)
    if (parsed.type === 'problem') return answerError(parsed.problem, undefined)
    const { value } = parsed
    const tokens = isRecord(value) ? value['input_tokens'] : undefined
    if (typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0) {
      return answerFinish({ promptTokens: tokens, completionTokens: 0 }, [])
    }
    const problem =
      isRecord(value) && value['type'] === 'error'
        ? problemOfErrorValue(this.#target, value)
        : garbled(this.#target, 'its count of tokens has no input_tokens')
    return answerError(problem, undefined)
  }
}

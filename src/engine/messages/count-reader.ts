import type { AnswerError, AnswerFinish } from '../../contract/event.ts'
import { answerError, answerFinish, BodyReader, garbled, type Sink } from '../reader.ts'
import type { Target } from '../target.ts'
import { isRecord, problemOfErrorValue } from '../upstream.ts'

/** The answer is one number. */
const MAX_COUNT_BYTES = 64 * 1024

/** Reads `{"input_tokens": n}`: the count ends as the usage of an answer that nobody wrote. */
export class CountReader extends BodyReader<CountReading> {
  constructor(reading: CountReading) {
    super(reading, MAX_COUNT_BYTES)
  }

  protected override answer(value: unknown): AnswerFinish | AnswerError {
    const { target } = this.reading
    const tokens = isRecord(value) ? value['input_tokens'] : undefined
    if (typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0) {
      return answerFinish({ promptTokens: tokens, completionTokens: 0 }, [])
    }
    const problem =
      isRecord(value) && value['type'] === 'error'
        ? problemOfErrorValue(target, value)
        : garbled(target, 'its count of tokens has no input_tokens')
    return answerError(problem, undefined)
  }
}

interface CountReading {
  readonly target: Target
  readonly sink: Sink
}

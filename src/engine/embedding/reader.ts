import { DIMENSIONS_MAX, type Vector } from '../../contract/embed.ts'
import type { AnswerError, AnswerFinish } from '../../contract/event.ts'
import type { Usage } from '../../contract/usage.ts'
import { fromBase64 } from '../../lib/float32.ts'
import { answerError, answerFinish, BodyReader, garbled, type Reading } from '../reader.ts'
import { isRecord, problemOfErrorValue } from '../upstream.ts'

/** Characters that a number may take with its comma and white space around it: JSON prints at most 24. */
const VALUE_CHARACTERS = 28
/** Beside its values, for each vector and for the whole. */
const VECTOR_CHARACTERS = 512
const FRAME_CHARACTERS = 65_536

/** Reads the answer of POST /embeddings: as large as so many vectors can be, and no larger. */
export class EmbeddingReader extends BodyReader<Reading> {
  readonly #count: number

  /** @param count - inputs that were sent */
  constructor(reading: Reading, count: number) {
    super(reading, FRAME_CHARACTERS + count * (VECTOR_CHARACTERS + DIMENSIONS_MAX * VALUE_CHARACTERS))
    this.#count = count
  }

  protected override answer(value: unknown, text: string): AnswerFinish | AnswerError {
    const { target, sink, verdicts } = this.reading
    if (
      isRecord(value) &&
      ((value['error'] !== undefined && value['error'] !== null) || value['object'] === 'error')
    ) {
      return answerError(problemOfErrorValue(target, value), undefined)
    }
    const usage = isRecord(value) ? usageOf(value['usage']) : undefined
    const vectors = readVectors(value, this.#count)
    if (typeof vectors === 'string') {
      return answerError(garbled(target, `its answer is no list of embeddings: ${vectors}`), usage)
    }
    sink.event({ type: 'embedding-whole', vectors }, text.length, true)
    return answerFinish(usage, verdicts)
  }
}

/** The vectors in the order of their inputs; a text says what is wrong with them. */
function readVectors(value: unknown, count: number): readonly Vector[] | string {
  const data: unknown = isRecord(value) ? value['data'] : undefined
  if (!Array.isArray(data)) return 'it has no `data`'
  if (data.length !== count) return `it has ${data.length} vectors for ${count} inputs`
  const vectors: (Vector | undefined)[] = Array.from({ length: count }, () => undefined)
  for (const [place, item] of data.entries()) {
    if (!isRecord(item)) return 'an item of `data` is not an object'
    const index = item['index'] ?? place
    if (typeof index !== 'number' || !(index in vectors)) return 'an index is none of the inputs'
    if (vectors[index] !== undefined) return `the index ${index} stands there twice`
    const vector = readVector(item['embedding'])
    if (typeof vector === 'string') return `the vector of input ${index} ${vector}`
    vectors[index] = vector
  }
  return vectors.filter((vector) => vector !== undefined)
}

/** Base64 where it was asked for, numbers from what does not know it; a text says what is wrong. */
function readVector(value: unknown): Vector | string {
  if (typeof value === 'string') {
    return fromBase64(value) ?? 'is neither a list of numbers nor float32 values in base64'
  }
  if (!Array.isArray(value)) return 'is not there'
  if (!value.every((one) => typeof one === 'number')) return 'holds something that is not a number'
  return Float64Array.from(value)
}

/** Prompt tokens, by either of their two names; undefined where the count is no whole number. */
function usageOf(wire: unknown): Usage | undefined {
  if (!isRecord(wire)) return undefined
  const promptTokens = wire['prompt_tokens'] ?? wire['total_tokens']
  const counted = typeof promptTokens === 'number' && Number.isSafeInteger(promptTokens) && promptTokens >= 0
  return counted ? { promptTokens, completionTokens: 0 } : undefined
}

import type { ValidateFunction } from 'ajv'
import { validatorOf } from '../../src/engine/llama/grammar/validator.fixture.ts'

/** `broken`: bytes that are no UTF-8, or a text that is no JSON. */
export type Judgement = 'valid' | 'invalid' | 'broken'

/** Ajv over one schema. */
export class SchemaJudge {
  readonly #validate: ValidateFunction

  constructor(schema: object) {
    this.#validate = validatorOf(schema)
  }

  judge(text: string): Judgement {
    if (text.includes('\uFFFD')) return 'broken'
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return 'broken'
    }
    return this.#validate(value) === true ? 'valid' : 'invalid'
  }

  /** What was wrong with the text that was judged last, in Ajv's words. */
  get errors(): string {
    return (this.#validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`).join('; ')
  }
}

/** The least share of answers that must end by themselves. */
export const COMPLETED_SHARE = 0.95

/** Whether a trial holds: nothing invalid got through, and answers end. */
export function passes(counts: {
  readonly outputs: number
  readonly completed: number
  readonly invalid: number
}): boolean {
  return counts.outputs > 0 && counts.invalid === 0 && counts.completed >= COMPLETED_SHARE * counts.outputs
}

import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** `broken`: bytes that are no UTF-8, or a text that is no JSON. */
export type Judgement = 'valid' | 'invalid' | 'broken'

/** Ajv over one schema, with formats on, as the guard runs it. */
export class SchemaJudge {
  readonly #validate: ValidateFunction

  constructor(schema: object) {
    const declared = '$schema' in schema ? String(schema.$schema) : ''
    const options = { strict: false, allErrors: true, logger: false, validateFormats: true } as const
    const ajv = declared.includes('draft-07') ? new Ajv(options) : new Ajv2020(options)
    addFormats.default(ajv)
    // The dialect is chosen already, and Ajv knows the others by no name.
    const { $schema: _, ...rest } = schema as { readonly $schema?: unknown }
    this.#validate = ajv.compile(rest)
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

import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { isMultiple } from '../../../lib/decimal.ts'

/** Ajv with formats on and multiples in decimals, as the guard runs it; by `$schema` for draft 7 or 2020-12. */
export function validatorOf(schema: object): ValidateFunction {
  const declared = '$schema' in schema ? String(schema.$schema) : ''
  const options = { strict: false, allErrors: true, logger: false, validateFormats: true } as const
  const ajv = declared.includes('draft-07') ? new Ajv(options) : new Ajv2020(options)
  addFormats.default(ajv)
  ajv.removeKeyword('multipleOf')
  const validate = (step: number, value: number): boolean => isMultiple(value, step)
  ajv.addKeyword({ keyword: 'multipleOf', type: 'number', schemaType: 'number', validate })
  // The dialect is chosen already, and Ajv knows the other by no name.
  const { $schema: _, ...rest } = schema as { readonly $schema?: unknown }
  return ajv.compile(rest)
}

/** Numbers from 0 up to 1 from a seed: a linear congruential generator is enough to pick by. */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

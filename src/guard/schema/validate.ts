import { Ajv, type AnySchema, type ErrorObject, type FuncKeywordDefinition, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { isMultiple } from '../../lib/decimal.ts'
import type { SchemaReply, SchemaTask } from './task.ts'

/**
 * JSON Schema by Ajv, for the worker thread: a schema is the caller's, and its regular expressions may run
 * for ever. Drafts: 2020-12 (also where `$schema` is absent), 2019-09, and 07, 06 and 04 as far as 07 reads
 * them. Nothing is fetched: a `$ref` that leads outside the schema is an error.
 *
 * Does one task. A schema that does not compile and a text that does not meet it are replies. */
export function performSchemaTask(task: SchemaTask): SchemaReply {
  let validate: ValidateFunction
  try {
    validate = compiled(task.schema)
  } catch (error) {
    return { type: 'bad-schema', message: shorten(error instanceof Error ? error.message : String(error)) }
  }
  if (task.type === 'compile') return { type: 'valid' }
  let value: unknown
  try {
    value = JSON.parse(task.text)
  } catch {
    return { type: 'invalid', errors: ['it is not valid JSON'] }
  }
  if (validate(value) === true) return { type: 'valid' }
  return { type: 'invalid', errors: describeErrors(validate.errors ?? []) }
}

/** A compiled schema takes up to a kilobyte of memory for each of its characters, and the heap has 128 MiB. */
const MAX_COMPILED_CHARS = 131_072
/** Ajv keeps names of all that it ever compiled; past this a fresh one is made. */
const MAX_INSTANCE_CHARS = 524_288
/** Least recently used first: a Map keeps the order of insertion. */
const compiledSchemas = new Map<string, ValidateFunction>()
let compiledChars = 0
let instanceChars = 0

function compiled(text: string): ValidateFunction {
  const known = compiledSchemas.get(text)
  if (known !== undefined) {
    compiledSchemas.delete(text)
    compiledSchemas.set(text, known)
    return known
  }
  makeRoom(text.length)
  const validate = compile(text)
  compiledSchemas.set(text, validate)
  compiledChars += text.length
  return validate
}

/** Before the compilation, which needs the most memory of all. */
function makeRoom(chars: number): void {
  for (const oldest of compiledSchemas.keys()) {
    if (compiledChars + chars <= MAX_COMPILED_CHARS) break
    compiledSchemas.delete(oldest)
    compiledChars -= oldest.length
  }
  instanceChars += chars
  if (instanceChars <= MAX_INSTANCE_CHARS) return
  instances.clear()
  instanceChars = chars
}

function compile(text: string): ValidateFunction {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null) throw new Error('a schema is an object')
  const draft = '$schema' in parsed ? parsed.$schema : undefined
  const ajv = instanceFor(draft)
  const { $schema: _, ...schema } = parsed as Record<string, unknown> // an object, as just seen
  try {
    const validate = ajv.compile(schema as AnySchema) // Ajv itself checks the shape
    if ('$async' in validate && validate.$async === true) throw new Error('$async schemas are not supported')
    return validate
  } finally {
    // Else a second schema with the same $id would be refused.
    ajv.removeSchema()
  }
}

type Draft = '2020-12' | '2019-09' | '07'
const instances = new Map<Draft, Ajv>()

function instanceFor(declared: unknown): Ajv {
  const draft = draftOf(declared)
  let ajv = instances.get(draft)
  if (ajv === undefined) {
    const options = { strict: false, allErrors: true, logger: false, validateFormats: true } as const
    ajv =
      draft === '07' ? new Ajv(options) : draft === '2019-09' ? new Ajv2019(options) : new Ajv2020(options)
    addFormats.default(ajv)
    ajv.removeKeyword('multipleOf')
    ajv.addKeyword(MULTIPLE_OF)
    instances.set(draft, ajv)
  }
  return ajv
}

/** Ajv divides doubles, and then 0.07 is no multiple of 0.01; what people write are decimals. */
const MULTIPLE_OF: FuncKeywordDefinition = {
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  metaSchema: { exclusiveMinimum: 0 },
  validate: (step: number, value: number): boolean => isMultiple(value, step),
  error: { message: ({ schema }) => `must be a multiple of ${schema}` },
}

function draftOf(declared: unknown): Draft {
  if (declared === undefined) return '2020-12'
  const named =
    typeof declared === 'string'
      ? /^https?:\/\/json-schema\.org\/(draft[-/0-9]*)\/schema#?$/.exec(declared)
      : null
  switch (named?.[1]) {
    case 'draft/2020-12':
      return '2020-12'
    case 'draft/2019-09':
      return '2019-09'
    case 'draft-07':
    case 'draft-06':
    case 'draft-04':
      return '07'
  }
  throw new Error('$schema names a dialect that is not supported: use JSON Schema draft 2020-12')
}

const MAX_ERRORS = 5
const MAX_MESSAGE_CHARS = 300

/** The first few faults, each with its place; a model repairs by them. */
function describeErrors(errors: readonly ErrorObject[]): string[] {
  const told: string[] = []
  for (const error of errors) {
    if (told.length === MAX_ERRORS) break
    const place = error.instancePath === '' ? 'the value' : error.instancePath
    const extra: unknown = error.params['additionalProperty'] ?? error.params['allowedValues']
    const detail = extra === undefined ? '' : ` (${JSON.stringify(extra)})`
    const line = shorten(`${place} ${error.message ?? error.keyword}${detail}`)
    if (!told.includes(line)) told.push(line)
  }
  return told
}

function shorten(text: string): string {
  return text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text
}

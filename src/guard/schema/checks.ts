import type { ChatRequest } from '../../contract/chat.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { WorkerError, type WorkerPool } from '../../lib/worker-pool.ts'
import type { GuardConfig } from '../config.ts'
import { type SchemaReply, type SchemaTask, schemaReply } from './task.ts'

/** The module of the worker that a pool for `createSchemaChecks` must run. */
export const SCHEMA_WORKER = new URL('./worker.ts', import.meta.url)

/** `unchecked`: the worker had no answer; `busy` where it may have one later. */
export type SchemaFinding =
  | { readonly type: 'valid' }
  | { readonly type: 'invalid'; readonly errors: readonly string[] }
  | { readonly type: 'unchecked'; readonly message: string; readonly busy: boolean }

export interface SchemaChecks {
  /** Refuses a request whose own schemas are unusable: too large, not compiling, an unknown dialect. */
  checkSchemas(request: ChatRequest): Promise<Refusal | undefined>
  /** Holds a JSON text against a schema. Without one it need only parse; `object`: to an object. */
  validate(text: string, schema: object | undefined, object: boolean): Promise<SchemaFinding>
}

export interface SchemaChecksParts {
  readonly config: GuardConfig
  readonly pool: WorkerPool
}

export function createSchemaChecks(parts: SchemaChecksParts): SchemaChecks {
  const { config, pool } = parts
  const known = new KnownSchemas()
  return {
    async checkSchemas(request) {
      for (const { param, schema } of schemasOf(request)) {
        const refusal = await checkSchema(schema, param, known, config, pool)
        if (refusal !== undefined) return refusal
      }
      return undefined
    },
    async validate(text, schema, object) {
      if (schema === undefined || object) {
        const plain = parsesPlainly(text, object)
        if (plain !== undefined) return { type: 'invalid', errors: [plain] }
        if (schema === undefined) return { type: 'valid' }
      }
      const reply = await ask(pool, { type: 'validate', schema: JSON.stringify(schema), text }, config)
      if (reply.type !== 'bad-schema') return reply
      return { type: 'unchecked', message: `the schema cannot be used: ${reply.message}`, busy: false }
    },
  }
}

interface NamedSchema {
  readonly param: string
  readonly schema: object
}

function schemasOf(request: ChatRequest): readonly NamedSchema[] {
  const format = request.response_format
  const named: NamedSchema[] = []
  if (format?.type === 'json_schema' && format.json_schema.schema !== undefined) {
    named.push({ param: 'response_format.json_schema.schema', schema: format.json_schema.schema })
  }
  for (const [at, tool] of (request.tools ?? []).entries()) {
    const schema = tool.function.parameters
    if (schema !== undefined) named.push({ param: `tools[${at}].function.parameters`, schema })
  }
  return named
}

async function checkSchema(
  schema: object,
  param: string,
  known: KnownSchemas,
  config: GuardConfig,
  pool: WorkerPool,
): Promise<Refusal | undefined> {
  const text = JSON.stringify(schema)
  const { maxSchemaChars } = config.bounds
  if (text.length > maxSchemaChars) {
    return refuse(
      'invalid_request',
      `The JSON Schema in ${param} has ${text.length} characters and at most ${maxSchemaChars} are accepted (guard.bounds.maxSchemaChars): make it smaller.`,
      { param },
    )
  }
  if (known.has(text)) return undefined
  const reply = await ask(pool, { type: 'compile', schema: text }, config)
  if (reply.type === 'valid') {
    known.add(text)
    return undefined
  }
  if (reply.type === 'unchecked' && reply.busy) {
    return refuse('queue_full', `The JSON Schema in ${param} could not be checked: ${reply.message}`, {
      param,
    })
  }
  const why = reply.type === 'invalid' ? reply.errors.join('; ') : reply.message
  return refuse(
    'invalid_request',
    `The JSON Schema in ${param} cannot be used: ${why}. Correct the schema.`,
    { param },
  )
}

async function ask(
  pool: WorkerPool,
  task: SchemaTask,
  config: GuardConfig,
): Promise<SchemaReply | Extract<SchemaFinding, { type: 'unchecked' }>> {
  try {
    return schemaReply.parse(await pool.run(task))
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    switch (error.fault) {
      case 'task-timeout': {
        const limit = config.checks.timeoutMs
        const message = `it took more than ${limit} ms (guard.checks.timeoutMs); a pattern in the schema may backtrack without end`
        return { type: 'unchecked', message, busy: false }
      }
      case 'crashed':
        return { type: 'unchecked', message: 'its check ran out of memory', busy: false }
      case 'queue-full':
      case 'wait-timeout':
      case 'start-timeout':
      case 'closed':
        return { type: 'unchecked', message: error.message, busy: true }
      case 'failed':
      case 'aborted':
        throw error
    }
  }
}

/** What is wrong with a text that needs no schema to be wrong; undefined where nothing is. */
function parsesPlainly(text: string, object: boolean): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return object && !isObject ? 'the value must be an object' : undefined
  } catch {
    return 'it is not valid JSON'
  }
}

const MAX_KNOWN = 512
const MAX_KNOWN_CHARS = 4_194_304

/** Texts of schemas that have compiled, so that a repeated schema costs one look-up. Bounded both ways. */
class KnownSchemas {
  readonly #texts = new Set<string>()
  #chars = 0

  has(text: string): boolean {
    return this.#texts.has(text)
  }

  add(text: string): void {
    if (this.#texts.has(text)) return
    this.#texts.add(text)
    this.#chars += text.length
    for (const oldest of this.#texts) {
      if (this.#texts.size <= MAX_KNOWN && this.#chars <= MAX_KNOWN_CHARS) break
      this.#texts.delete(oldest)
      this.#chars -= oldest.length
    }
  }
}

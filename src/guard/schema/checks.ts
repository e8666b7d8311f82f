import type { ChatRequest } from '../../contract/chat.ts'
import { type Refusal, refuse } from '../../contract/problem.ts'
import { WorkerError, type WorkerPool } from '../../lib/worker-pool.ts'
import type { GuardConfig } from '../config.ts'
import { type SchemaReply, type SchemaTask, schemaReply } from './task.ts'

/** The module of the worker that a pool for `createSchemaChecks` must run. */
export const SCHEMA_WORKER = new URL('./worker.ts', import.meta.url)

/**
 * `unchecked`: there is no answer, because every worker was `busy`, the worker `crashed`, the check was
 * `stopped` at its time limit, or the schema is `unusable`. Only the last is certainly the schema's doing.
 */
export type SchemaFinding =
  | { readonly type: 'valid' }
  | { readonly type: 'invalid'; readonly errors: readonly string[] }
  | { readonly type: 'unchecked'; readonly message: string; readonly reason: Unchecked }

type Unchecked = 'busy' | 'crashed' | 'stopped' | 'unusable'

export interface SchemaChecks {
  /** Refuses a request whose own schemas are unusable: too large, too many, not compiling, an unknown dialect. */
  checkSchemas(request: ChatRequest): Promise<Refusal | undefined> | undefined
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
    checkSchemas(request) {
      const schemas = schemasOf(request)
      return schemas.length === 0 ? undefined : checkAll(schemas, known, config, pool)
    },
    async validate(text, schema, object) {
      if (schema === undefined || object) {
        const plain = parsesPlainly(text, object)
        if (plain !== undefined) return { type: 'invalid', errors: [plain] }
        if (schema === undefined) return { type: 'valid' }
      }
      const reply = await ask(pool, { type: 'validate', schema: JSON.stringify(schema), text }, config)
      if (reply.type !== 'bad-schema') return reply
      return { type: 'unchecked', message: `the schema cannot be used: ${reply.message}`, reason: 'unusable' }
    },
  }
}

async function checkAll(
  schemas: readonly NamedSchema[],
  known: KnownSchemas,
  config: GuardConfig,
  pool: WorkerPool,
): Promise<Refusal | undefined> {
  const refused = overBounds(schemas, config)
  if (refused !== undefined) return refused
  // One after the other, so that a request never has more than one check waiting.
  for (const schema of schemas) {
    if (known.has(schema.text)) continue
    const refusal = await checkSchema(schema, config, pool)
    if (refusal !== undefined) return refusal
    known.add(schema.text)
  }
  return undefined
}

interface NamedSchema {
  readonly param: string
  readonly text: string
}

function schemasOf(request: ChatRequest): readonly NamedSchema[] {
  const format = request.response_format
  const named: NamedSchema[] = []
  if (format?.type === 'json_schema' && format.json_schema.schema !== undefined) {
    named.push({
      param: 'response_format.json_schema.schema',
      text: JSON.stringify(format.json_schema.schema),
    })
  }
  for (const [at, tool] of (request.tools ?? []).entries()) {
    const schema = tool.function.parameters
    if (schema === undefined) continue
    named.push({ param: `tools[${at}].function.parameters`, text: JSON.stringify(schema) })
  }
  return named
}

/** The worker's time grows with the characters, so they are bounded one by one and together. */
function overBounds(schemas: readonly NamedSchema[], config: GuardConfig): Refusal | undefined {
  const { maxSchemaChars, maxSchemasChars } = config.bounds
  let chars = 0
  for (const { param, text } of schemas) {
    chars += text.length
    if (text.length > maxSchemaChars) {
      const message = `The JSON Schema in ${param} has ${text.length} characters and at most ${maxSchemaChars} are accepted (guard.bounds.maxSchemaChars): make it smaller.`
      return refuse('invalid_request', message, { param })
    }
    if (chars > maxSchemasChars) {
      const message = `The JSON Schemas of the request have more than ${maxSchemasChars} characters together, and no more are accepted (guard.bounds.maxSchemasChars): offer fewer tools, or smaller schemas.`
      return refuse('invalid_request', message, { param })
    }
  }
  return undefined
}

async function checkSchema(
  { param, text }: NamedSchema,
  config: GuardConfig,
  pool: WorkerPool,
): Promise<Refusal | undefined> {
  const reply = await ask(pool, { type: 'compile', schema: text }, config)
  switch (reply.type) {
    case 'valid':
      return undefined
    case 'invalid':
      throw new Error('A compilation has no value that could be invalid.')
    case 'bad-schema':
      return refuse(
        'invalid_request',
        `The JSON Schema in ${param} cannot be used: ${reply.message}. Correct the schema.`,
        { param },
      )
    case 'unchecked': {
      const code = reply.reason === 'busy' ? 'queue_full' : 'check_unavailable'
      return refuse(code, `The JSON Schema in ${param} could not be checked: ${reply.message}`, { param })
    }
  }
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
        const why =
          task.type === 'compile'
            ? 'this machine is busy, or the schema is very intricate: try again later, make it simpler, or raise the limit.'
            : 'a pattern in the schema may backtrack without end'
        const message = `it took more than ${limit} ms (guard.checks.timeoutMs); ${why}`
        return { type: 'unchecked', message, reason: 'stopped' }
      }
      case 'crashed': {
        const message =
          'the worker that checks schemas died or ran out of memory, which is a fault on this side: try again, and with a smaller schema where it happens again.'
        return { type: 'unchecked', message, reason: 'crashed' }
      }
      case 'queue-full':
      case 'wait-timeout':
      case 'start-timeout':
      case 'closed':
        return { type: 'unchecked', message: error.message, reason: 'busy' }
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

import { isObject, type JsonObject } from './json.ts'
import type { Formed } from './reply.ts'

/** Alternatives of one schema, multiplied out, within which no grammar leaves anything out. */
const WAYS_MAX = 16
/** Schemas in one. A larger one may get tighter bounds, and then leave more to a validator. */
const SCHEMAS_MAX = 512
const LISTED_MAX = 2_048

/** Say nothing of what is valid. */
const REMARKS = ['title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly']
/** Followed wholly whatever their value; those whose value is a schema, or holds some, are looked into. */
const FOLLOWED: ReadonlySet<string> = new Set([
  ...REMARKS,
  'type',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'anyOf',
  '$ref',
  '$defs',
  'definitions',
])

/** Kinds of values that a schema's own keywords leave open. */
const KINDS = 5
const JOINS: ReadonlySet<string> = new Set([...REMARKS, 'anyOf', '$ref', '$defs', 'definitions'])

/**
 * Whether the grammar of a request surely holds its whole answer to `response_format`, so that the answer may leave
 * while it is written. Told from the schema alone in time that grows with its size, and so on the side of caution: a
 * schema of other keywords may be followed wholly too, which only its compilation tells.
 */
export function isCovered({ response_format: format }: Formed): boolean {
  if (format?.type === 'json_object') return true
  if (format?.type !== 'json_schema') return false
  const { schema } = format.json_schema
  return schema === undefined || new Coverage(schema).holds
}

class Coverage {
  readonly #root: unknown
  readonly #ways = new Map<JsonObject, number>()
  #schemas = 0

  constructor(root: unknown) {
    this.#root = root
  }

  get holds(): boolean {
    return this.#of(this.#root) <= WAYS_MAX
  }

  /** Alternatives of a schema; Infinity where something in it is not covered. */
  #of(schema: unknown): number {
    if (typeof schema === 'boolean') return KINDS
    if (!isObject(schema)) return Infinity
    const known = this.#ways.get(schema)
    if (known !== undefined) return known
    this.#schemas += 1
    // Until it is known: a schema that leads back to itself is asked for within one of its parts, which are apart.
    this.#ways.set(schema, 1)
    const ways = this.#schemas > SCHEMAS_MAX ? Infinity : this.#look(schema)
    this.#ways.set(schema, ways)
    return ways
  }

  #look(schema: JsonObject): number {
    if (!Object.keys(schema).every((keyword) => FOLLOWED.has(keyword))) return Infinity
    const { enum: listed, items, properties, additionalProperties, anyOf, $ref, $defs, definitions } = schema
    if (Array.isArray(listed) && listed.length > LISTED_MAX) return Infinity
    const tables = [properties, $defs, definitions].map((table) => table ?? {})
    if (!tables.every(isObject)) return Infinity
    const apart = [
      ...tables.flatMap((table) => Object.values(table)),
      items ?? true,
      additionalProperties ?? true,
    ]
    if (apart.some((part) => this.#of(part) > WAYS_MAX)) return Infinity
    const sum = anyOf === undefined ? 1 : this.#sum(anyOf)
    return waysOf(schema) * sum * ($ref === undefined ? 1 : this.#of(this.#target($ref)))
  }

  #sum(branches: unknown): number {
    if (!Array.isArray(branches)) return Infinity
    return branches.reduce<number>((all, branch) => all + this.#of(branch), 0)
  }

  /** Of a `$ref` to the whole, or to one of the schemas that are kept in it. */
  #target(reference: unknown): unknown {
    if (reference === '#') return this.#root
    const [, table, name] = /^#\/(\$defs|definitions)\/([\w.-]+)$/.exec(String(reference)) ?? []
    if (table === undefined || name === undefined || !isObject(this.#root)) return undefined
    const kept = this.#root[table]
    return isObject(kept) && Object.hasOwn(kept, name) ? kept[name] : undefined
  }
}

/** Alternatives by a schema's own keywords; one where it only joins others. */
function waysOf(schema: JsonObject): number {
  const { type } = schema
  if (Array.isArray(type)) return type.length
  if (type !== undefined || 'enum' in schema || 'const' in schema) return 1
  const joins = 'anyOf' in schema || '$ref' in schema
  return joins && Object.keys(schema).every((keyword) => JOINS.has(keyword)) ? 1 : KINDS
}

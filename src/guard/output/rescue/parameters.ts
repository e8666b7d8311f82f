/** What a tool's JSON Schema says of its arguments, read leniently: callers' schemas are as they are. */

export type Schema = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function propertiesOf(schema: unknown): ReadonlyMap<string, unknown> {
  const properties = isObject(schema) ? schema['properties'] : undefined
  return new Map(isObject(properties) ? Object.entries(properties) : [])
}

export function requiredOf(schema: unknown): readonly string[] {
  const required = isObject(schema) ? schema['required'] : undefined
  return Array.isArray(required) ? required.filter((key) => typeof key === 'string') : []
}

/**
 * Whether a member that the schema does not name may stand there. JSON Schema allows it where nothing is said,
 * but who lists a tool's parameters means these: only what is said counts, or a schema that lists none.
 */
export function allowsOthers(schema: unknown): boolean {
  if (!isObject(schema)) return false
  const others = schema['additionalProperties']
  if (others !== undefined) return others === true || isObject(others)
  if (isObject(schema['patternProperties'])) return true
  return schema['properties'] === undefined && schema['type'] !== undefined
}

export type Kind = 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null' | 'any'

/**
 * Names of types as they stand in schemas: JSON Schema's own, and those of the languages that tools are written
 * in.
 */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...(['string', 'str', 'char', 'text'] as const).map((name) => [name, 'string'] as const),
  ...(['integer', 'int', 'long', 'short', 'byte', 'bigint'] as const).map(
    (name) => [name, 'integer'] as const,
  ),
  ...(['number', 'float', 'double', 'decimal'] as const).map((name) => [name, 'number'] as const),
  ...(['boolean', 'bool'] as const).map((name) => [name, 'boolean'] as const),
  ...(['array', 'list', 'tuple', 'set', 'arraylist'] as const).map((name) => [name, 'array'] as const),
  ...(['object', 'dict', 'dictionary', 'map', 'hashmap'] as const).map((name) => [name, 'object'] as const),
  ...(['null', 'none'] as const).map((name) => [name, 'null'] as const),
])

/** The types that a schema accepts; one that is not known, or none, is `any`. */
export function kindsOf(schema: Schema): readonly Kind[] {
  const { type } = schema
  const names: readonly unknown[] = Array.isArray(type) ? type : [type]
  return names.map((name) => (typeof name === 'string' && KINDS.get(name.toLowerCase())) || 'any')
}

import { jsonOf, readAlone, type Value } from '../../../lib/text/literal.ts'
import { readNow, Tape } from '../../../lib/text/tape.ts'
import {
  allowsOthers,
  isObject,
  type Kind,
  kindsOf,
  propertiesOf,
  requiredOf,
  type Schema,
} from './parameters.ts'

/** Nesting of schemas and of what they refer to at most; deeper, a value passes as it is. */
const MAX_SCHEMA_DEPTH = 16
/** What the fitting of one call's arguments shares. */
export interface Fitting {
  /** The schema that `$ref` is looked up in. */
  readonly root: unknown
  /** What had to be changed, in order. */
  readonly coercions: string[]
  /** Asked before each value is held against a schema; false where the answer has taken too many. */
  take(): boolean
}

/**
 * The value as JSON of the type that the schema wants; undefined where it is of another and would not become it
 * without loss. Without loss are: digits in quotes for a number, a whole number written with a point, `"true"`
 * for true, a number where a text is wanted (digit for digit), a name without quotes where a text is wanted, and
 * a list or an object that is written out inside a text. A value alone is not made a list of one, and nothing is
 * rounded, trimmed or translated.
 */
export function fitValue(value: Value, schema: unknown, fitting: Fitting, depth = 0): string | undefined {
  if (!fitting.take()) return undefined
  if (!isObject(schema) || depth >= MAX_SCHEMA_DEPTH) return schema === false ? undefined : jsonOf(value)
  const referred = schema['$ref']
  if (typeof referred === 'string') {
    return fitValue(value, lookUp(referred, fitting.root), fitting, depth + 1)
  }
  const branches = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(branches)) return fitBranch(value, branches, fitting, depth)
  const kinds = kindsOf(schema)
  const own = kinds.find((kind) => isOf(value, kind))
  const kind = own ?? kinds.find((wanted) => coerced(value, wanted) !== undefined)
  if (kind === undefined) return undefined
  const typed = own === undefined ? coerced(value, kind) : { value, coercion: undefined }
  if (typed === undefined) return undefined
  const json = fitMembers(typed.value, schema, fitting, depth)
  const allowed = json === undefined ? undefined : asAllowed(json, schema)
  if (typed.coercion !== undefined) fitting.coercions.push(typed.coercion)
  if (allowed !== json) fitting.coercions.push('case of an allowed value')
  return allowed
}

/** The first branch that takes the value as it is; else the only one that takes it by a coercion. */
function fitBranch(
  value: Value,
  branches: readonly unknown[],
  fitting: Fitting,
  depth: number,
): string | undefined {
  const { coercions } = fitting
  const before = coercions.length
  const taking: { readonly json: string; readonly coercions: readonly string[] }[] = []
  for (const branch of branches) {
    const json = fitValue(value, branch, fitting, depth + 1)
    const own = coercions.splice(before)
    if (json === undefined) continue
    if (own.length === 0) return json
    taking.push({ json, coercions: own })
  }
  const [only] = taking
  if (only === undefined || taking.length > 1) return undefined
  coercions.push(...only.coercions)
  return only.json
}

function lookUp(reference: string, root: unknown): unknown {
  if (!reference.startsWith('#/')) return {}
  let place = root
  for (const step of reference.slice(2).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    place = isObject(place) && Object.hasOwn(place, key) ? place[key] : {}
  }
  return place
}

function fitMembers(value: Value, schema: Schema, fitting: Fitting, depth: number): string | undefined {
  if (value.kind === 'list') {
    const items: string[] = []
    const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : []
    for (const [at, item] of value.items.entries()) {
      const json = fitValue(item, prefix[at] ?? schema['items'] ?? {}, fitting, depth + 1)
      if (json === undefined) return undefined
      items.push(json)
    }
    return `[${items.join(',')}]`
  }
  if (value.kind !== 'dict') return jsonOf(value)
  const properties = propertiesOf(schema)
  const required = requiredOf(schema)
  const members: string[] = []
  for (const [key, member] of value.entries) {
    const property = properties.get(key) ?? othersOf(schema)
    if (properties.size > 0 && !properties.has(key) && schema['additionalProperties'] === false)
      return undefined
    const json = fitValue(member, property, fitting, depth + 1)
    if (json !== undefined) {
      members.push(`${JSON.stringify(key)}:${json}`)
      continue
    }
    if (member.kind !== 'null' || required.includes(key)) return undefined
    fitting.coercions.push('null left out')
  }
  if (required.some((key) => !value.entries.has(key))) return undefined
  return `{${members.join(',')}}`
}

function othersOf(schema: Schema): unknown {
  return allowsOthers(schema) && isObject(schema['additionalProperties'])
    ? schema['additionalProperties']
    : {}
}

/**
 * The JSON as `enum` and `const` allow it: as it is, or in the case of the one allowed text that it else equals.
 */
function asAllowed(json: string, schema: Schema): string | undefined {
  const allowed = allowedBy(schema)
  if (allowed === undefined || allowed.exact.has(JSON.stringify(JSON.parse(json)))) return json
  return allowed.byLower.get(json.toLowerCase())
}

interface Allowed {
  readonly exact: ReadonlySet<string>
  /** Texts by their lower case; undefined where two differ by case alone. */
  readonly byLower: ReadonlyMap<string, string | undefined>
}

/** A list of allowed values may be long, and be asked of each element of a long list. */
const allowedOf = new WeakMap<Schema, Allowed>()

function allowedBy(schema: Schema): Allowed | undefined {
  const values: readonly unknown[] | undefined = Array.isArray(schema['enum'])
    ? schema['enum']
    : Object.hasOwn(schema, 'const')
      ? [schema['const']]
      : undefined
  if (values === undefined) return undefined
  const known = allowedOf.get(schema)
  if (known !== undefined) return known
  const byLower = new Map<string, string | undefined>()
  for (const value of values) {
    if (typeof value !== 'string') continue
    const lower = JSON.stringify(value).toLowerCase()
    byLower.set(lower, byLower.has(lower) ? undefined : JSON.stringify(value))
  }
  const allowed = { exact: new Set(values.map((value) => JSON.stringify(value))), byLower }
  allowedOf.set(schema, allowed)
  return allowed
}

function isOf(value: Value, kind: Kind): boolean {
  switch (kind) {
    case 'string':
      return value.kind === 'string' || value.kind === 'raw'
    case 'integer':
      return value.kind === 'number' && /^-?\d+$/.test(value.text)
    case 'number':
      return value.kind === 'number'
    case 'boolean':
      return value.kind === 'boolean'
    case 'array':
      return value.kind === 'list'
    case 'object':
      return value.kind === 'dict'
    case 'null':
      return value.kind === 'null'
    case 'any':
      return value.kind !== 'raw' && value.kind !== 'word'
  }
}

interface Coerced {
  readonly value: Value
  readonly coercion: string | undefined
}

function coerced(value: Value, kind: Kind): Coerced | undefined {
  switch (value.kind) {
    case 'number':
      return fromNumber(value.text, kind)
    case 'word':
      if (kind === 'boolean') return fromTruth(value.text)
      return kind === 'string' || kind === 'any'
        ? { value: { kind: 'string', text: value.text }, coercion: 'word to text' }
        : undefined
    case 'string':
      return fromText(value.text, kind)
    case 'raw':
      // The text of an XML element has no type of its own: reading it by the schema changes nothing.
      return fromRaw(value.text, kind)
    default:
      return undefined
  }
}

function fromNumber(text: string, kind: Kind): Coerced | undefined {
  if (kind === 'string') return { value: { kind: 'string', text }, coercion: 'number to text' }
  const whole = kind === 'integer' ? /^(-?\d+)\.0+$/.exec(text)?.[1] : undefined
  return whole === undefined
    ? undefined
    : { value: { kind: 'number', text: whole }, coercion: 'decimal to integer' }
}

const DECIMAL = /^-?(?:0|[1-9]\d{0,300})(?:\.\d{1,300})?$/

function fromText(text: string, kind: Kind): Coerced | undefined {
  switch (kind) {
    case 'integer':
    case 'number': {
      if (!DECIMAL.test(text)) return undefined
      const whole = kind === 'integer' ? text.replace(/\.0+$/, '') : text
      if (kind === 'integer' && whole.includes('.')) return undefined
      return { value: { kind: 'number', text: whole }, coercion: `text to ${kind}` }
    }
    case 'boolean':
      return fromTruth(text)
    case 'array':
    case 'object': {
      const inner = readNow(readAlone(Tape.of(text)))
      const fits = inner !== undefined && isOf(inner, kind)
      return fits ? { value: inner, coercion: `text to ${kind === 'array' ? 'list' : 'object'}` } : undefined
    }
    default:
      return undefined
  }
}

function fromTruth(text: string): Coerced | undefined {
  if (!/^(?:true|false)$/i.test(text)) return undefined
  return { value: { kind: 'boolean', value: text.toLowerCase() === 'true' }, coercion: 'text to boolean' }
}

function fromRaw(text: string, kind: Kind): Coerced | undefined {
  const trimmed = text.trim()
  const inner = readNow(readAlone(Tape.of(trimmed)))
  if (kind === 'any') {
    const known = inner !== undefined && inner.kind !== 'word'
    return { value: known ? inner : { kind: 'string', text }, coercion: undefined }
  }
  if (inner === undefined) return undefined
  const fits = isOf(inner, kind) ? inner : coerced(inner, kind)?.value
  return fits === undefined ? undefined : { value: fits, coercion: undefined }
}

import type { GrammarBounds } from './bounds.ts'
import type { SchemaDocument, Term } from './document.ts'
import { formatNumbers, formatTexts } from './formats.ts'
import { identity, isObject, isWellFormed, type Json, type JsonObject, type Kind, kindOf } from './json.ts'
import type { Language } from './language.ts'
import { ANY_NUMBER, type Limit, type NumberSpec } from './numbers.ts'
import { type Finding, GivenUp } from './outcome.ts'
import type {
  Admits,
  Alternative,
  ArrayLayer,
  ArraySpec,
  Contains,
  ObjectLayer,
  ObjectSpec,
} from './shape.ts'
import { ANY_ARRAY, ANY_OBJECT } from './shape.ts'
import type { StringLanguage, StringSpec } from './strings.ts'

/** What reading a schema's own keywords needs. */
export interface Reading {
  readonly document: SchemaDocument
  readonly bounds: GrammarBounds
  readonly admits: Admits
  language(pattern: string): Language
  check(finding: Finding): void
}

const KINDS: readonly Kind[] = ['null', 'boolean', 'number', 'string', 'array', 'object']

/**
 * What a schema says by its own keywords, without those that hold other schemas side by side (`anyOf`, `$ref`, …).
 * Throws GivenUp where a keyword's value is none that it may have.
 */
export function assertionsOf(node: JsonObject, reading: Reading): Alternative[] {
  const { kinds, whole, intended } = typesOf(node, reading)
  const constants = [null, true, false].filter((value) => kinds.has(kindOf(value)))
  const found: Alternative[] = []
  if (constants.length > 0) found.push({ kind: 'values', values: constants, intended })
  if (kinds.has('number')) found.push({ kind: 'number', spec: numberSpec(node, whole, reading), intended })
  if (kinds.has('string')) found.push({ kind: 'string', spec: stringSpec(node, reading, kinds), intended })
  if (kinds.has('array')) found.push({ kind: 'array', spec: arraySpec(node, reading), intended })
  if (kinds.has('object')) found.push({ kind: 'object', spec: objectSpec(node, reading), intended })
  const listed = listedValues(node, reading)
  if (listed === undefined) return intended ? found : found.map((one) => meant(one, node))
  const values = listed.filter((value) => found.some((one) => reading.admits(one, value)))
  return values.length === 0 ? [] : [{ kind: 'values', values, intended: true }]
}

const MEANS: Readonly<Record<Alternative['kind'], readonly string[]>> = {
  values: [],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  string: ['minLength', 'maxLength', 'pattern'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'],
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
  ],
}

/** Keywords that speak of one kind of value intend it, where no `type` does. */
function meant(one: Alternative, node: JsonObject): Alternative {
  const { format } = node
  const named = MEANS[one.kind].some((keyword) => keyword in node)
  const formatted = typeof format === 'string' && one.kind === (formatNumbers(format) ? 'number' : 'string')
  return named || formatted ? { ...one, intended: true } : one
}

function typesOf(
  node: JsonObject,
  reading: Reading,
): { readonly kinds: ReadonlySet<Kind>; readonly whole: boolean; readonly intended: boolean } {
  const type = node['type']
  if (type === undefined) return { kinds: new Set(KINDS), whole: false, intended: false }
  const names = Array.isArray(type) ? type : [type]
  const known: readonly unknown[] = [...KINDS, 'integer']
  if (!names.every((name) => known.includes(name)) || names.length === 0) {
    const why = `${JSON.stringify(type)} is no type: use string, number, integer, boolean, null, object or array`
    throw new GivenUp(reading.document.finding(node, 'type', why))
  }
  const kinds = new Set<Kind>(names.map((name) => (name === 'integer' ? 'number' : (name as Kind))))
  if (node['nullable'] === true) kinds.add('null')
  return { kinds, whole: !names.includes('number'), intended: true }
}

/** The values of `enum` and `const`; undefined where there is neither. */
function listedValues(node: JsonObject, { document }: Reading): readonly Json[] | undefined {
  const values = node['enum']
  const constant = node['const']
  if (values === undefined && constant === undefined) return undefined
  if (values !== undefined && (!Array.isArray(values) || values.length === 0)) {
    throw new GivenUp(document.finding(node, 'enum', 'enum is a list of at least one value'))
  }
  const both: readonly Json[] = Array.isArray(values)
    ? constant === undefined
      ? values
      : values.filter((value) => identity(value) === identity(constant))
    : [constant ?? null]
  return both.filter(isWellFormed)
}

function numberOf(node: JsonObject, keyword: string, { document }: Reading): number | undefined {
  const value = node[keyword]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new GivenUp(document.finding(node, keyword, `${keyword} is a number, not ${JSON.stringify(value)}`))
}

/** A keyword that counts something. */
export function countOf(node: JsonObject, keyword: string, reading: Reading): number | undefined {
  const value = numberOf(node, keyword, reading)
  if (value === undefined || (Number.isInteger(value) && value >= 0)) return value
  throw new GivenUp(
    reading.document.finding(node, keyword, `${keyword} is a whole number from 0 on, not ${value}`),
  )
}

function numberSpec(node: JsonObject, whole: boolean, reading: Reading): NumberSpec {
  const limit = (closed: string, open: string, isLow: boolean): Limit | undefined => {
    const value = numberOf(node, closed, reading)
    const other = numberOf(node, open, reading)
    if (other === undefined) return value === undefined ? undefined : { value, open: false }
    const openRules = value === undefined || (isLow ? other >= value : other <= value)
    return openRules ? { value: other, open: true } : { value, open: false }
  }
  const multiple = numberOf(node, 'multipleOf', reading)
  if (multiple !== undefined && multiple <= 0) {
    throw new GivenUp(reading.document.finding(node, 'multipleOf', 'multipleOf is a number above 0'))
  }
  const format = typeof node['format'] === 'string' ? formatNumbers(node['format']) : undefined
  const low = limit('minimum', 'exclusiveMinimum', true)
  const high = limit('maximum', 'exclusiveMaximum', false)
  const is32 = format === 'int32'
  return {
    ...ANY_NUMBER,
    whole: whole || is32 || format === 'whole',
    low: is32 && (low === undefined || low.value < MIN_INT32) ? { value: MIN_INT32, open: false } : low,
    high: is32 && (high === undefined || high.value > MAX_INT32) ? { value: MAX_INT32, open: false } : high,
    multiples: multiple === undefined ? [] : [multiple],
    place: multiple === undefined ? undefined : reading.document.finding(node, 'multipleOf', '').pointer,
  }
}

const MIN_INT32 = -(2 ** 31)
const MAX_INT32 = 2 ** 31 - 1

function stringSpec(node: JsonObject, reading: Reading, kinds: ReadonlySet<Kind>): StringSpec {
  const least = countOf(node, 'minLength', reading) ?? 0
  let most = countOf(node, 'maxLength', reading) ?? Infinity
  const { document, bounds } = reading
  if (least > bounds.stringChars) {
    const why = `a string of at least ${least} characters is longer than the ${bounds.stringChars} that are printed: ask for fewer`
    throw new GivenUp(document.finding(node, 'minLength', why))
  }
  const languages: StringLanguage[] = []
  const pattern = patternLanguage(node, reading)
  if (pattern !== undefined) languages.push(pattern)
  const format = node['format']
  if (typeof format === 'string' && formatNumbers(format) === undefined) {
    const known = formatTexts(format)
    if (known === undefined && kinds.size < KINDS.length) {
      reading.check(
        document.finding(node, 'format', `no grammar is known for the format ${JSON.stringify(format)}`),
      )
    } else if (known !== undefined) {
      languages.push({ dfa: known.dfa, source: document.finding(node, 'format', 'the format') })
      most = Math.min(most, known.most)
    }
  }
  return { languages, least, most }
}

function patternLanguage(node: JsonObject, reading: Reading): StringLanguage | undefined {
  const pattern = node['pattern']
  if (pattern === undefined) return undefined
  const { document } = reading
  const invalid = (why: string): GivenUp => new GivenUp(document.finding(node, 'pattern', why))
  if (typeof pattern !== 'string') throw invalid('pattern is a text')
  const language = reading.language(pattern)
  switch (language.type) {
    case 'language':
      return { dfa: language.dfa, source: document.finding(node, 'pattern', 'the pattern') }
    case 'invalid':
      throw invalid(`this is no regular expression: ${language.why}`)
    case 'unsupported':
      reading.check(document.finding(node, 'pattern', `the grammar cannot follow it: ${language.why}`))
      return undefined
  }
}

function arraySpec(node: JsonObject, reading: Reading): ArraySpec {
  const least = countOf(node, 'minItems', reading) ?? 0
  const { document, bounds } = reading
  if (least > bounds.items) {
    const why = `an array of at least ${least} items is longer than the ${bounds.items} that are printed: ask for fewer`
    throw new GivenUp(document.finding(node, 'minItems', why))
  }
  const layer = arrayLayer(node, document)
  const contains = containsOf(node, reading)
  return {
    ...ANY_ARRAY,
    layers: layer === undefined ? [] : [layer],
    least,
    most: countOf(node, 'maxItems', reading) ?? Infinity,
    unique: node['uniqueItems'] === true ? document.finding(node, 'uniqueItems', UNIQUE) : undefined,
    contains: contains === undefined ? [] : [contains],
  }
}

const UNIQUE = 'that items differ is enforced only where they come from a short list of values'

/** 2020-12 has `prefixItems` and `items`; before, a list under `items` and `additionalItems`. */
function arrayLayer(node: JsonObject, document: SchemaDocument): ArrayLayer | undefined {
  const { items, prefixItems, additionalItems } = node
  const isOld = Array.isArray(items)
  const listKeyword = isOld ? 'items' : 'prefixItems'
  const list = isOld ? items : prefixItems
  const restKeyword = isOld ? 'additionalItems' : 'items'
  const rest = isOld ? additionalItems : items
  if (list === undefined && rest === undefined) return undefined
  if (list !== undefined && !Array.isArray(list)) {
    throw new GivenUp(document.finding(node, listKeyword, 'a list of schemas is expected here'))
  }
  return {
    prefix: (Array.isArray(list) ? list : []).map((one) => document.terms(one, node, listKeyword)),
    rest: rest === undefined ? undefined : document.terms(rest, node, restKeyword),
  }
}

function containsOf(node: JsonObject, reading: Reading): Contains | undefined {
  if (node['contains'] === undefined) return undefined
  return {
    terms: reading.document.terms(node['contains'], node, 'contains'),
    least: countOf(node, 'minContains', reading) ?? 1,
    most: countOf(node, 'maxContains', reading) ?? Infinity,
    source: reading.document.finding(
      node,
      'contains',
      'the grammar counts only the first contains of an array',
    ),
  }
}

function objectSpec(node: JsonObject, reading: Reading): ObjectSpec {
  const { document } = reading
  const required = node['required'] ?? []
  if (!Array.isArray(required) || !required.every((key) => typeof key === 'string')) {
    throw new GivenUp(document.finding(node, 'required', 'required is a list of names'))
  }
  const layer = objectLayer(node, reading)
  const names = node['propertyNames']
  const least = countOf(node, 'minProperties', reading)
  const most = countOf(node, 'maxProperties', reading)
  return {
    ...ANY_OBJECT,
    layers: layer === undefined ? [] : [layer],
    required: [...new Set(required)],
    least: least ?? 0,
    most: most ?? Infinity,
    names: names === undefined ? [] : document.terms(names, node, 'propertyNames'),
    source: least === undefined ? undefined : document.finding(node, 'minProperties', COUNTED),
    limit: most === undefined ? undefined : document.finding(node, 'maxProperties', COUNTED),
  }
}

/** Why the number of properties may be left to a validator. */
export const COUNTED =
  'properties are not counted where they are very many, and a name that is free may be printed twice'

function objectLayer(node: JsonObject, reading: Reading): ObjectLayer | undefined {
  const { properties, patternProperties, additionalProperties } = node
  if (properties === undefined && patternProperties === undefined && additionalProperties === undefined) {
    return undefined
  }
  const { document } = reading
  const table = (keyword: string): (readonly [string, readonly Term[]])[] => {
    const value = node[keyword] ?? {}
    if (!isObject(value)) {
      throw new GivenUp(document.finding(node, keyword, `${keyword} is an object of schemas`))
    }
    return Object.entries(value).map(([key, schema]) => [key, document.terms(schema, node, keyword)])
  }
  const patterns = table('patternProperties').flatMap(([pattern, terms]) => {
    const language = reading.language(pattern)
    if (language.type === 'language' && language.exact) return [{ dfa: language.dfa, terms }]
    const why = language.type === 'language' ? 'it has too many states' : language.why
    if (language.type === 'invalid') throw new GivenUp(document.finding(node, 'patternProperties', why))
    reading.check(
      document.finding(node, 'patternProperties', `${JSON.stringify(pattern)} is not followed: ${why}`),
    )
    return []
  })
  const extra = additionalProperties === undefined ? undefined : additionalProperties
  return {
    properties: new Map(table('properties')),
    patterns,
    additional: extra === undefined ? undefined : document.terms(extra, node, 'additionalProperties'),
  }
}

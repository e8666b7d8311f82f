import { COUNTED, countOf } from './assertions.ts'
import { ANY_TEXT, TooLarge, textsOf, without } from './dfa.ts'
import type { Term } from './document.ts'
import type { Expander } from './expand.ts'
import { isObject, type Json, type JsonObject, kindOf } from './json.ts'
import { ANY_NUMBER } from './numbers.ts'
import {
  type Alternative,
  ANY_ARRAY,
  ANY_OBJECT,
  type ArraySpec,
  EVERYTHING,
  type ObjectLayer,
  type ObjectSpec,
} from './shape.ts'
import { ANY_STRING, type StringSpec } from './strings.ts'

/**
 * What a schema does not allow: what any one of its keywords does not allow. `lossy`: there is more of it, by keywords
 * that have no counterpart. A part is as good as the whole where values are looked for that are not allowed.
 */
export interface Negation {
  readonly alternatives: readonly Alternative[]
  readonly lossy: boolean
}

/** Keywords that no counterpart is made for. Others that are not read here do not bear on what is valid. */
const LOSSY: ReadonlySet<string> = new Set([
  '$dynamicRef',
  '$recursiveRef',
  'additionalItems',
  'additionalProperties',
  'dependencies',
  'dependentRequired',
  'dependentSchemas',
  'format',
  'if',
  'maxContains',
  'minContains',
  'oneOf',
  'patternProperties',
  'prefixItems',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
  'uniqueItems',
])

const UNKNOWN: Negation = { alternatives: [], lossy: true }

export function negationOf(node: JsonObject, expander: Expander): Negation {
  return joined(
    Object.keys(node).map((keyword) => against(keyword, node, expander)),
    expander,
  )
}

function joined(parts: readonly Negation[], expander: Expander): Negation {
  return {
    alternatives: expander.union(parts.map(({ alternatives }) => alternatives)),
    lossy: parts.some(({ lossy }) => lossy),
  }
}

function whole(alternatives: readonly Alternative[]): Negation {
  return { alternatives, lossy: false }
}

/** What fails one keyword. */
function against(keyword: string, node: JsonObject, expander: Expander): Negation {
  const value = node[keyword]
  switch (keyword) {
    case 'type':
      return againstType(value, node['nullable'] === true)
    case 'enum':
      return Array.isArray(value) ? againstValues(value, expander) : UNKNOWN
    case 'const':
      return againstValues([value ?? null], expander)
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'multipleOf':
      return typeof value === 'number' ? againstNumber(keyword, value) : UNKNOWN
    case 'pattern':
      return typeof value === 'string' ? againstPattern(value, node, expander) : UNKNOWN
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return againstCount(keyword, node, expander)
    case 'required':
      return Array.isArray(value) ? whole(value.map((key) => missing(String(key), node, expander))) : UNKNOWN
    case 'properties':
      return isObject(value) ? againstProperties(value, node, expander) : UNKNOWN
    case 'items':
      return Array.isArray(value) || 'prefixItems' in node ? UNKNOWN : againstItems(node, expander)
    case 'contains':
      return 'minContains' in node || 'maxContains' in node ? UNKNOWN : againstContains(node, expander)
    case 'additionalProperties':
      return value === true || (isObject(value) && Object.keys(value).length === 0) ? whole([]) : UNKNOWN
    default:
      return againstSchemas(keyword, node, expander)
  }
}

function againstSchemas(keyword: string, node: JsonObject, expander: Expander): Negation {
  const { document } = expander
  const value = node[keyword]
  const list = Array.isArray(value) ? value : []
  const negative = (schema: Json): Negation => expander.negative(document.terms(schema, node, keyword))
  switch (keyword) {
    case 'not':
      return whole(expander.of(document.terms(value, node, keyword)))
    case '$ref':
      return negative(document.follow(node, keyword))
    case 'allOf':
      return joined(list.map(negative), expander)
    case 'anyOf': {
      const parts = list.map(negative)
      return {
        alternatives: parts.reduce(
          (found: readonly Alternative[], { alternatives }) => expander.merge(found, alternatives),
          EVERYTHING,
        ),
        lossy: parts.some(({ lossy }) => lossy),
      }
    }
    default:
      return LOSSY.has(keyword) ? UNKNOWN : whole([])
  }
}

function againstType(type: Json | undefined, nullable: boolean): Negation {
  const names: readonly unknown[] = Array.isArray(type) ? type : [type]
  const found: Alternative[] = []
  for (const one of EVERYTHING) {
    if (one.kind === 'values') {
      const named = (value: Json): boolean => names.includes(kindOf(value)) || (value === null && nullable)
      const values = one.values.filter((value) => !named(value))
      if (values.length > 0) found.push({ ...one, values })
    } else if (one.kind === 'number') {
      if (names.includes('number')) continue
      found.push(names.includes('integer') ? { ...one, spec: { ...ANY_NUMBER, broken: true } } : one)
    } else if (!names.includes(one.kind)) found.push(one)
  }
  return whole(found)
}

function againstValues(values: readonly Json[], { document, work }: Expander): Negation {
  const found: Alternative[] = []
  const source = {
    keyword: 'not',
    pointer: document.placeOf(document.root),
    why: 'the values that are not allowed',
  }
  for (const one of EVERYTHING) {
    const same = values.filter((value) => (one.kind === 'values' ? true : kindOf(value) === one.kind))
    if (one.kind === 'values') {
      found.push({ ...one, values: one.values.filter((value) => !same.includes(value)) })
    } else if (one.kind === 'number') {
      found.push({
        ...one,
        spec: { ...ANY_NUMBER, except: same.filter((value) => typeof value === 'number') },
      })
    } else if (one.kind === 'string' && same.length > 0) {
      const texts = same.filter((value) => typeof value === 'string')
      const dfa = without(ANY_TEXT, textsOf(texts, work), work)
      found.push({ ...one, spec: { ...ANY_STRING, languages: [{ dfa, source }] } })
    } else if (same.length === 0) found.push(one)
  }
  return { alternatives: found, lossy: values.some((value) => typeof value === 'object' && value !== null) }
}

function againstNumber(keyword: string, value: number): Negation {
  const spec = {
    minimum: { high: { value, open: true } },
    maximum: { low: { value, open: true } },
    exclusiveMinimum: { high: { value, open: false } },
    exclusiveMaximum: { low: { value, open: false } },
    multipleOf: { against: [value] },
  }[keyword]
  return whole([{ kind: 'number', spec: { ...ANY_NUMBER, ...spec }, intended: false }])
}

function againstPattern(pattern: string, node: JsonObject, expander: Expander): Negation {
  const language = expander.language(pattern)
  if (language.type !== 'language' || !language.exact) return UNKNOWN
  try {
    const dfa = without(ANY_TEXT, language.dfa, expander.work)
    const source = expander.document.finding(node, 'pattern', 'the pattern')
    return whole([string({ languages: [{ dfa, source }] })])
  } catch (error) {
    if (error instanceof TooLarge) return UNKNOWN
    throw error
  }
}

function againstCount(keyword: string, node: JsonObject, expander: Expander): Negation {
  const count = countOf(node, keyword, expander) ?? 0
  const isLeast = keyword.startsWith('min')
  if (isLeast && count === 0) return whole([])
  const range = isLeast ? { most: count - 1 } : { least: count + 1 }
  switch (keyword.slice(3)) {
    case 'Length':
      return whole([string(range)])
    case 'Items':
      return whole([array(range)])
    default: {
      const source = expander.document.finding(node, keyword, COUNTED)
      return whole([object({ ...range, source, limit: source })])
    }
  }
}

function missing(key: string, node: JsonObject, { document }: Expander): Alternative {
  return object({ layers: [layerOf(key, document.terms(false, node, 'required'))] })
}

function againstProperties(table: JsonObject, node: JsonObject, expander: Expander): Negation {
  const found: Alternative[] = []
  let lossy = false
  for (const [key, schema] of Object.entries(table)) {
    const outside = negatedTerms(schema, node, 'properties', expander)
    lossy ||= outside.lossy
    if (outside.terms !== undefined) {
      found.push(object({ required: [key], layers: [layerOf(key, outside.terms)] }))
    }
  }
  return { alternatives: found, lossy }
}

function againstItems(node: JsonObject, expander: Expander): Negation {
  const { terms, lossy } = negatedTerms(node['items'], node, 'items', expander)
  const source = expander.document.finding(
    node,
    'items',
    'the grammar counts only the first contains of an array',
  )
  if (terms === undefined) return { alternatives: [], lossy }
  return { alternatives: [array({ contains: [{ terms, least: 1, most: Infinity, source }] })], lossy }
}

/** An array of which no item is one that is asked for. */
function againstContains(node: JsonObject, expander: Expander): Negation {
  const { terms, lossy } = negatedTerms(node['contains'], node, 'contains', expander)
  if (terms === undefined) return { alternatives: lossy ? [] : [array({ most: 0 })], lossy }
  return { alternatives: [array({ layers: [{ prefix: [], rest: terms }] })], lossy }
}

/** Terms that say no to a schema; undefined where nothing is known to fail it. */
function negatedTerms(
  schema: Json | undefined,
  node: JsonObject,
  keyword: string,
  expander: Expander,
): { readonly terms: readonly Term[] | undefined; readonly lossy: boolean } {
  const terms = expander.document.terms(schema, node, keyword)
  const { alternatives, lossy } = expander.negative(terms)
  const [only] = terms
  if (only === undefined || alternatives.length === 0) return { terms: undefined, lossy }
  return { terms: [{ node: only.node, negated: !only.negated }], lossy }
}

function layerOf(key: string, terms: readonly Term[]): ObjectLayer {
  return { properties: new Map([[key, terms]]), patterns: [], additional: undefined, silent: true }
}

function string(spec: Partial<StringSpec>): Alternative {
  return { kind: 'string', spec: { ...ANY_STRING, ...spec }, intended: false }
}

function array(spec: Partial<ArraySpec>): Alternative {
  return { kind: 'array', spec: { ...ANY_ARRAY, ...spec }, intended: false }
}

function object(spec: Partial<ObjectSpec>): Alternative {
  return { kind: 'object', spec: { ...ANY_OBJECT, ...spec }, intended: false }
}

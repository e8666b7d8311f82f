import { countOf } from './assertions.ts'
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

type Part = readonly Alternative[] | undefined

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

export function negationOf(node: JsonObject, expander: Expander): Negation {
  const lists: (readonly Alternative[])[] = []
  let lossy = false
  for (const keyword of Object.keys(node)) {
    const part = against(keyword, node, expander)
    if (part === undefined) lossy = true
    else lists.push(part)
  }
  return { alternatives: expander.union(lists), lossy }
}

/** What fails one keyword; undefined where that cannot be said. */
function against(keyword: string, node: JsonObject, expander: Expander): Part {
  const value = node[keyword]
  switch (keyword) {
    case 'type':
      return againstType(value, node['nullable'] === true)
    case 'enum':
      return Array.isArray(value) ? againstValues(value, expander) : undefined
    case 'const':
      return againstValues([value ?? null], expander)
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
    case 'multipleOf':
      return typeof value === 'number' ? againstNumber(keyword, value) : undefined
    case 'pattern':
      return typeof value === 'string' ? againstPattern(value, node, expander) : undefined
    case 'minLength':
    case 'maxLength':
    case 'minItems':
    case 'maxItems':
    case 'minProperties':
    case 'maxProperties':
      return againstCount(keyword, countOf(node, keyword, expander) ?? 0)
    case 'required':
      return Array.isArray(value) ? value.map((key) => missing(String(key), node, expander)) : undefined
    case 'properties':
      return isObject(value) ? againstProperties(value, node, expander) : undefined
    case 'items':
      return Array.isArray(value) || 'prefixItems' in node ? undefined : againstItems(node, expander)
    case 'contains':
      return 'minContains' in node || 'maxContains' in node ? undefined : againstContains(node, expander)
    case 'additionalProperties':
      return value === true || (isObject(value) && Object.keys(value).length === 0) ? [] : undefined
    default:
      return againstSchemas(keyword, node, expander)
  }
}

function againstSchemas(keyword: string, node: JsonObject, expander: Expander): Part {
  const { document } = expander
  const value = node[keyword]
  switch (keyword) {
    case 'not':
      return expander.of(document.terms(value, node, keyword))
    case '$ref':
      return expander.negative(document.terms(document.follow(node, keyword), node, keyword))
    case 'allOf': {
      const parts = (Array.isArray(value) ? value : []).map((schema) =>
        expander.negative(document.terms(schema, node, keyword)),
      )
      return parts.includes(undefined)
        ? undefined
        : expander.union(parts.filter((part) => part !== undefined))
    }
    case 'anyOf': {
      let found: Part = EVERYTHING
      for (const schema of Array.isArray(value) ? value : []) {
        const part = expander.negative(document.terms(schema, node, keyword))
        if (part === undefined) return undefined
        found = expander.merge(found, part)
      }
      return found
    }
    default:
      return LOSSY.has(keyword) ? undefined : []
  }
}

function againstType(type: Json | undefined, nullable: boolean): Part {
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
  return found
}

function againstValues(values: readonly Json[], { document, work }: Expander): Part {
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
  return found
}

function againstNumber(keyword: string, value: number): Part {
  const spec = {
    minimum: { high: { value, open: true } },
    maximum: { low: { value, open: true } },
    exclusiveMinimum: { high: { value, open: false } },
    exclusiveMaximum: { low: { value, open: false } },
    multipleOf: { against: [value] },
  }[keyword]
  return [{ kind: 'number', spec: { ...ANY_NUMBER, ...spec }, intended: false }]
}

function againstPattern(pattern: string, node: JsonObject, expander: Expander): Part {
  const language = expander.language(pattern)
  if (language.type !== 'language' || !language.exact) return undefined
  try {
    const dfa = without(ANY_TEXT, language.dfa, expander.work)
    const source = expander.document.finding(node, 'pattern', 'the pattern')
    return [string({ languages: [{ dfa, source }] })]
  } catch (error) {
    if (error instanceof TooLarge) return undefined
    throw error
  }
}

function againstCount(keyword: string, count: number): Part {
  const isLeast = keyword.startsWith('min')
  if (isLeast && count === 0) return []
  const range = isLeast ? { most: count - 1 } : { least: count + 1 }
  switch (keyword.slice(3)) {
    case 'Length':
      return [string(range)]
    case 'Items':
      return [array(range)]
    default:
      return [object(range)]
  }
}

function missing(key: string, node: JsonObject, { document }: Expander): Alternative {
  return object({ layers: [layerOf(key, document.terms(false, node, 'required'))] })
}

function againstProperties(table: JsonObject, node: JsonObject, expander: Expander): Part {
  const found: Alternative[] = []
  for (const [key, schema] of Object.entries(table)) {
    const outside = negatedTerms(schema, node, 'properties', expander)
    if (outside === undefined) return undefined
    if (outside.length > 0) found.push(object({ required: [key], layers: [layerOf(key, outside)] }))
  }
  return found
}

function againstItems(node: JsonObject, expander: Expander): Part {
  const terms = negatedTerms(node['items'], node, 'items', expander)
  if (terms === undefined) return undefined
  const source = expander.document.finding(
    node,
    'items',
    'the grammar counts only the first contains of an array',
  )
  return terms.length === 0 ? [] : [array({ contains: [{ terms, least: 1, most: Infinity, source }] })]
}

function againstContains(node: JsonObject, expander: Expander): Part {
  const terms = negatedTerms(node['contains'], node, 'contains', expander)
  if (terms === undefined) return undefined
  return [array(terms.length === 0 ? { most: 0 } : { layers: [{ prefix: [], rest: terms }] })]
}

/** Terms that say no to a schema; empty where nothing fails it, undefined where that cannot be said. */
function negatedTerms(
  schema: Json | undefined,
  node: JsonObject,
  keyword: string,
  expander: Expander,
): readonly Term[] | undefined {
  const terms = expander.document.terms(schema, node, keyword)
  const outside = expander.negative(terms)
  if (outside === undefined) return undefined
  const [only] = terms
  return only === undefined || outside.length === 0 ? [] : [{ node: only.node, negated: !only.negated }]
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

import { accepts, type Dfa } from './dfa.ts'
import { NEVER, type Term } from './document.ts'
import { identity, type Json } from './json.ts'
import { ANY_NUMBER, mergeNumbers, type NumberSpec } from './numbers.ts'
import type { Finding } from './outcome.ts'
import { ANY_STRING, mergeStrings, type StringSpec } from './strings.ts'

/**
 * What a schema comes to: alternatives, each of one kind of value. A value is valid where one of them admits it.
 *
 * `intended`: some schema names this kind, by `type` or by a value. `{ "minLength": 3 }` admits every number too, and
 * nobody who writes it wants one: where an alternative is intended, those that are not are left out when it is printed.
 */
export type Alternative = { readonly intended: boolean } & (
  | { readonly kind: 'values'; readonly values: readonly Json[] }
  | { readonly kind: 'number'; readonly spec: NumberSpec }
  | { readonly kind: 'string'; readonly spec: StringSpec }
  | { readonly kind: 'array'; readonly spec: ArraySpec }
  | { readonly kind: 'object'; readonly spec: ObjectSpec }
)

export interface ArraySpec {
  readonly layers: readonly ArrayLayer[]
  readonly least: number
  readonly most: number
  /** Who asks for items that differ. */
  readonly unique: Finding | undefined
  readonly contains: readonly Contains[]
}

/** What one schema says of the items. `rest` undefined: nothing, beyond the prefix. */
export interface ArrayLayer {
  readonly prefix: readonly (readonly Term[])[]
  readonly rest: readonly Term[] | undefined
}

export interface Contains {
  readonly terms: readonly Term[]
  readonly least: number
  readonly most: number
  readonly source: Finding
}

export interface ObjectSpec {
  readonly layers: readonly ObjectLayer[]
  readonly required: readonly string[]
  readonly least: number
  readonly most: number
  readonly names: readonly Term[]
  /** Who asks for `least`, and for `most`. */
  readonly source: Finding | undefined
  readonly limit: Finding | undefined
}

/** What one schema says of the properties. `additional` undefined: nothing, beyond those it names. */
export interface ObjectLayer {
  readonly properties: ReadonlyMap<string, readonly Term[]>
  readonly patterns: readonly { readonly dfa: Dfa; readonly terms: readonly Term[] }[]
  readonly additional: readonly Term[] | undefined
  /** It comes from a `not`, and properties that only it names count as unevaluated. */
  readonly silent?: boolean
}

export const ANY_ARRAY: ArraySpec = { layers: [], least: 0, most: Infinity, unique: undefined, contains: [] }
export const ANY_OBJECT: ObjectSpec = {
  layers: [],
  required: [],
  least: 0,
  most: Infinity,
  names: [],
  source: undefined,
  limit: undefined,
}

/** Every value, and no kind intended. */
export const EVERYTHING: readonly Alternative[] = [
  { kind: 'values', values: [null, true, false], intended: false },
  { kind: 'number', spec: ANY_NUMBER, intended: false },
  { kind: 'string', spec: ANY_STRING, intended: false },
  { kind: 'array', spec: ANY_ARRAY, intended: false },
  { kind: 'object', spec: ANY_OBJECT, intended: false },
]

export const NOT_OBJECTS: readonly Alternative[] = EVERYTHING.filter(({ kind }) => kind !== 'object')

export type Admits = (alternative: Alternative, value: Json) => boolean

/** Values of both; undefined where there are surely none. */
export function mergeAlternatives(
  left: Alternative,
  right: Alternative,
  admits: Admits,
): Alternative | undefined {
  const intended = left.intended || right.intended
  if (left.kind === 'values') return someOf(left.values, right, intended, admits)
  if (right.kind === 'values') return someOf(right.values, left, intended, admits)
  if (left.kind === 'number' && right.kind === 'number') {
    return { kind: 'number', spec: mergeNumbers(left.spec, right.spec), intended }
  }
  if (left.kind === 'string' && right.kind === 'string') {
    return { kind: 'string', spec: mergeStrings(left.spec, right.spec), intended }
  }
  if (left.kind === 'array' && right.kind === 'array') {
    return { kind: 'array', spec: mergeArrays(left.spec, right.spec), intended }
  }
  if (left.kind !== 'object' || right.kind !== 'object') return undefined
  const spec = mergeObjects(left.spec, right.spec)
  return spec.required.some((key) => propertyTerms(spec, key).some(({ node }) => node === NEVER))
    ? undefined
    : { kind: 'object', spec, intended }
}

function someOf(
  values: readonly Json[],
  other: Alternative,
  intended: boolean,
  admits: Admits,
): Alternative | undefined {
  const names = other.kind === 'values' ? new Set(other.values.map(identity)) : undefined
  const kept = values.filter((value) => names?.has(identity(value)) ?? admits(other, value))
  return kept.length === 0 ? undefined : { kind: 'values', values: kept, intended }
}

function mergeArrays(left: ArraySpec, right: ArraySpec): ArraySpec {
  return {
    layers: distinct(left.layers, right.layers),
    least: Math.max(left.least, right.least),
    most: Math.min(left.most, right.most),
    unique: left.unique ?? right.unique,
    contains: distinct(left.contains, right.contains),
  }
}

function mergeObjects(left: ObjectSpec, right: ObjectSpec): ObjectSpec {
  return {
    layers: distinct(left.layers, right.layers),
    required: distinct(left.required, right.required),
    least: Math.max(left.least, right.least),
    most: Math.min(left.most, right.most),
    names: distinct(left.names, right.names),
    source: left.least >= right.least ? (left.source ?? right.source) : right.source,
    limit: left.most <= right.most ? (left.limit ?? right.limit) : right.limit,
  }
}

function distinct<Item>(left: readonly Item[], right: readonly Item[]): readonly Item[] {
  return left.length === 0 ? right : right.length === 0 ? left : [...new Set([...left, ...right])]
}

/** All that is asked of a property. Written as loops: a schema of many branches asks this very often. */
export function propertyTerms({ layers }: ObjectSpec, key: string): readonly Term[] {
  const found: Term[] = []
  for (const { properties, patterns, additional } of layers) {
    const named = properties.get(key)
    let isNamed = named !== undefined
    if (named !== undefined) found.push(...named)
    for (const { dfa, terms } of patterns) {
      if (!accepts(dfa, key)) continue
      isNamed = true
      found.push(...terms)
    }
    if (!isNamed && additional !== undefined) found.push(...additional)
  }
  return found
}

/** All that is asked of an item. */
export function itemTerms({ layers }: ArraySpec, index: number): readonly Term[] {
  return layers.flatMap(({ prefix, rest }) => prefix[index] ?? rest ?? [])
}

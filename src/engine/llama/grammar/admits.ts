import type { Term } from './document.ts'
import { identity, isObject, type Json, kindOf } from './json.ts'
import { admitsNumber } from './numbers.ts'
import { type Alternative, type ArraySpec, itemTerms, type ObjectSpec, propertyTerms } from './shape.ts'
import { admitsString } from './strings.ts'

/** Alternatives of all these schemas at once. */
export type LookUp = (terms: readonly Term[]) => readonly Alternative[]

/** Whether a value is one of an alternative's. Patterns that no automaton was made for are taken as met. */
export function admits(alternative: Alternative, value: Json, look: LookUp): boolean {
  switch (alternative.kind) {
    case 'values':
      return alternative.values.some((one) => identity(one) === identity(value))
    case 'number':
      return typeof value === 'number' && admitsNumber(alternative.spec, value)
    case 'string':
      return typeof value === 'string' && admitsString(alternative.spec, value)
    case 'array':
      return Array.isArray(value) && admitsArray(alternative.spec, value, look)
    case 'object':
      return kindOf(value) === 'object' && isObject(value) && admitsObject(alternative.spec, value, look)
  }
}

function meets(terms: readonly Term[], value: Json, look: LookUp): boolean {
  return terms.length === 0 || look(terms).some((alternative) => admits(alternative, value, look))
}

function admitsArray(spec: ArraySpec, items: readonly Json[], look: LookUp): boolean {
  if (items.length < spec.least || items.length > spec.most) return false
  if (spec.unique !== undefined && new Set(items.map(identity)).size < items.length) return false
  const counted = spec.contains.every(({ terms, least, most }) => {
    const count = items.filter((item) => meets(terms, item, look)).length
    return count >= least && count <= most
  })
  return counted && items.every((item, index) => meets(itemTerms(spec, index), item, look))
}

function admitsObject(spec: ObjectSpec, value: { readonly [key: string]: Json }, look: LookUp): boolean {
  const keys = Object.keys(value)
  if (keys.length < spec.least || keys.length > spec.most) return false
  if (!spec.required.every((key) => Object.hasOwn(value, key))) return false
  return keys.every(
    (key) => meets(spec.names, key, look) && meets(propertyTerms(spec, key), value[key] ?? null, look),
  )
}

import type { Expander } from './expand.ts'
import { type JsonObject, type Kind, kindOf } from './json.ts'
import type { Alternative, ArraySpec, ObjectSpec } from './shape.ts'

/**
 * `unevaluatedProperties` and `unevaluatedItems`, once it is known what else a schema says. A branch of `anyOf` that
 * also passes without having been chosen would evaluate more: such properties are held to the keyword all the same.
 * Source: JSON Schema Core 2020-12, section 11.
 */
export function withoutUnevaluated(
  found: readonly Alternative[],
  node: JsonObject,
  expander: Expander,
): readonly Alternative[] {
  const { document } = expander
  const { unevaluatedProperties, unevaluatedItems } = node
  if (unevaluatedProperties === undefined && unevaluatedItems === undefined) return found
  return found.map((one) => {
    if (one.kind === 'object' && unevaluatedProperties !== undefined) {
      const terms = document.terms(unevaluatedProperties, node, 'unevaluatedProperties')
      return { ...one, spec: otherProperties(one.spec, terms), intended: true }
    }
    if (one.kind === 'values') {
      for (const keyword of ['unevaluatedProperties', 'unevaluatedItems']) {
        const held = one.values.some((value) => kindOf(value) === KINDS[keyword])
        if (keyword in node && held) expander.check(document.finding(node, keyword, BESIDE_VALUES))
      }
      return one
    }
    if (one.kind !== 'array' || unevaluatedItems === undefined) return one
    if (one.spec.contains.length > 0) {
      expander.check(document.finding(node, 'unevaluatedItems', BESIDE_CONTAINS))
      return one
    }
    const terms = document.terms(unevaluatedItems, node, 'unevaluatedItems')
    return { ...one, spec: otherItems(one.spec, terms), intended: true }
  })
}

const KINDS: Readonly<Record<string, Kind>> = { unevaluatedProperties: 'object', unevaluatedItems: 'array' }
const BESIDE_VALUES = 'beside enum or const it is not followed'
const BESIDE_CONTAINS = 'beside contains it is not followed'

function otherProperties(spec: ObjectSpec, terms: ObjectSpec['names']): ObjectSpec {
  const heard = spec.layers.filter(({ silent }) => silent !== true)
  if (heard.some(({ additional }) => additional !== undefined)) return spec
  const named = heard.flatMap(({ properties }) => [...properties.keys()])
  const layer = {
    properties: new Map(named.map((key) => [key, []])),
    patterns: heard.flatMap(({ patterns }) => patterns.map(({ dfa }) => ({ dfa, terms: [] }))),
    additional: terms,
  }
  return { ...spec, layers: [...spec.layers, layer] }
}

function otherItems(spec: ArraySpec, terms: ObjectSpec['names']): ArraySpec {
  if (spec.layers.some(({ rest }) => rest !== undefined)) return spec
  const prefix = Array.from(
    { length: Math.max(0, ...spec.layers.map((layer) => layer.prefix.length)) },
    () => [],
  )
  return { ...spec, layers: [...spec.layers, { prefix, rest: terms }] }
}

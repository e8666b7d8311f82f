import { LIMITS } from './bounds.ts'
import { isObject, type Json, type JsonObject, pointerStep } from './json.ts'
import { type Finding, GivenUp, type Work } from './outcome.ts'

/** A schema that must hold, or must not. */
export interface Term {
  readonly node: JsonObject
  readonly negated: boolean
}

/** Schemas that hold all at once; none of them: anything. Equal keys are equal terms. */
export interface Conjunction {
  readonly key: string
  readonly terms: readonly Term[]
}

/** The schema `false`. */
export const NEVER: JsonObject = { not: true }

/** Keywords that say nothing about what is valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
])

const OWN_BASE = 'upshift:/schema'

/**
 * A JSON Schema with its places, `$id`s and anchors. Nothing is fetched. Source: JSON Schema Core 2020-12, section 8.
 * Throws GivenUp where the value is no schema or nests too deep.
 */
export class SchemaDocument {
  readonly root: JsonObject
  readonly #places = new Map<JsonObject, string>()
  readonly #bases = new Map<JsonObject, string>()
  readonly #resources = new Map<string, JsonObject>()
  readonly #anchors = new Map<string, JsonObject>()
  readonly #dynamic = new Map<string, number>()
  readonly #numbers = new Map<JsonObject, number>()

  constructor(schema: unknown, work: Work, place = '') {
    const root = schema === true ? {} : schema === false ? NEVER : schema
    if (!isObject(root)) {
      throw new GivenUp({ keyword: '$schema', pointer: place, why: 'a schema is an object, true or false' })
    }
    this.root = root
    this.#places.set(NEVER, place)
    this.#resources.set(OWN_BASE, root)
    this.#walk(root, place, work)
  }

  /** Notes the place of every object before anything is read, without recursion. */
  #walk(root: JsonObject, place: string, work: Work): void {
    const queue: { value: unknown; pointer: string; base: string; depth: number; key: string }[] = [
      { value: root, pointer: place, base: OWN_BASE, depth: 0, key: '$schema' },
    ]
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { value, pointer, depth, key } = next
      work.spend(1)
      if (typeof value !== 'object' || value === null) continue
      if (depth > LIMITS.nesting) {
        const why = `the schema nests deeper than ${LIMITS.nesting} levels: make it flatter`
        throw new GivenUp({ keyword: key, pointer, why })
      }
      const base = isObject(value) ? this.#note(value, pointer, next.base) : next.base
      for (const [step, inner] of Object.entries(value)) {
        queue.push({ value: inner, pointer: pointerStep(pointer, step), base, depth: depth + 1, key: step })
      }
    }
  }

  #note(node: JsonObject, pointer: string, outer: string): string {
    if (!this.#places.has(node)) this.#places.set(node, pointer)
    const base =
      typeof node['$id'] === 'string' ? (absolute(node['$id'], outer)?.split('#')[0] ?? outer) : outer
    if (base !== outer) this.#resources.set(base, node)
    this.#bases.set(node, base)
    for (const keyword of ['$anchor', '$dynamicAnchor']) {
      const name = node[keyword]
      if (typeof name !== 'string') continue
      this.#anchors.set(`${base}#${name}`, node)
      if (keyword === '$dynamicAnchor') this.#dynamic.set(name, (this.#dynamic.get(name) ?? 0) + 1)
    }
    return base
  }

  /** Where a node stands; for one that was made here, where `adopt` says. */
  placeOf(node: JsonObject): string {
    return this.#places.get(node) ?? ''
  }

  /** A node that stands for a part of another one. */
  adopt(node: JsonObject, like: JsonObject, keyword?: string): JsonObject {
    const place = this.placeOf(like)
    this.#places.set(node, keyword === undefined ? place : pointerStep(place, keyword))
    this.#bases.set(node, this.#bases.get(like) ?? OWN_BASE)
    return node
  }

  finding(node: JsonObject, keyword: string, why: string): Finding {
    return { keyword, pointer: pointerStep(this.placeOf(node), keyword), why }
  }

  /** What a schema comes to: nothing for `true`, and what a bare reference leads to. */
  terms(schema: Json | undefined, owner: JsonObject, keyword: string, negated = false): readonly Term[] {
    let node = schema
    const passed = new Set<JsonObject>()
    for (;;) {
      if (node === true || (isObject(node) && Object.keys(node).length === 0)) return negated ? NOTHING : []
      if (node === false) return negated ? [] : NOTHING
      if (!isObject(node)) {
        throw new GivenUp(this.finding(owner, keyword, 'a schema is expected here: an object, true or false'))
      }
      if (!isBareReference(node)) return node === NEVER && negated ? [] : [{ node, negated }]
      if (passed.has(node)) {
        throw new GivenUp(this.finding(node, '$ref', 'this reference leads back to itself'))
      }
      passed.add(node)
      node = this.follow(node, '$ref')
    }
  }

  /** What `$ref`, `$dynamicRef` or `$recursiveRef` of a node leads to. */
  follow(node: JsonObject, keyword: string): Json {
    const reference = node[keyword]
    const fail = (why: string): GivenUp => new GivenUp(this.finding(node, keyword, why))
    if (typeof reference !== 'string') throw fail('a reference is a text')
    const target = absolute(reference, this.#bases.get(node) ?? OWN_BASE)
    const [resource = '', fragment = ''] = target?.split('#') ?? []
    const inside = this.#resources.get(resource)
    if (inside === undefined) {
      throw fail(
        `${JSON.stringify(reference)} leads outside of the schema, and nothing is fetched: put it under $defs`,
      )
    }
    const name = decoded(fragment)
    if (name === '') return inside
    const found = name?.startsWith('/') ? walkTo(inside, name) : this.#anchors.get(`${resource}#${name}`)
    if (found === undefined) throw fail(`${JSON.stringify(reference)} leads to nothing in this schema`)
    if (keyword === '$dynamicRef' && (this.#dynamic.get(name ?? '') ?? 0) > 1) {
      throw fail('several $dynamicAnchors of one name are not followed: use $ref')
    }
    return found
  }

  /** All terms at once; what is said twice counts once. */
  conjunction(terms: readonly Term[]): Conjunction {
    const [only] = terms
    if (only === undefined) return { key: '', terms }
    if (terms.length === 1) return { key: `${only.negated ? '!' : ''}${this.#numberOf(only.node)}`, terms }
    const named = new Map(
      terms.map((term) => [`${term.negated ? '!' : ''}${this.#numberOf(term.node)}`, term]),
    )
    const keys = [...named.keys()].sort()
    return { key: keys.join('&'), terms: keys.flatMap((key) => named.get(key) ?? []) }
  }

  #numberOf(node: JsonObject): number {
    const known = this.#numbers.get(node)
    if (known !== undefined) return known
    this.#numbers.set(node, this.#numbers.size)
    return this.#numbers.size - 1
  }
}

const NOTHING: readonly Term[] = [{ node: NEVER, negated: false }]

function isBareReference(node: JsonObject): boolean {
  return '$ref' in node && Object.keys(node).every((key) => key === '$ref' || ANNOTATIONS.has(key))
}

function absolute(reference: string, base: string): string | undefined {
  return URL.parse(reference, base)?.href
}

/** Undefined where the percent-encoding is broken. */
function decoded(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function walkTo(root: JsonObject, pointer: string): Json | undefined {
  let at: Json | undefined = root
  for (const step of pointer.slice(1).split('/')) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (Array.isArray(at)) at = at[Number(key)]
    else if (isObject(at) && Object.hasOwn(at, key)) at = at[key]
    else return undefined
  }
  return at
}

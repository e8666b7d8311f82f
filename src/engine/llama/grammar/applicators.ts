import { LIMITS } from './bounds.ts'
import type { Term } from './document.ts'
import type { Expander } from './expand.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import { GivenUp } from './outcome.ts'
import { isPossible } from './possible.ts'
import { type Alternative, ANY_OBJECT, NOT_OBJECTS } from './shape.ts'

/** What a keyword allows. `lossy`: only a part of it; where nothing is left, the keyword is left to a validator. */
export interface Applied {
  readonly alternatives: readonly Alternative[]
  readonly lossy?: boolean
}

export interface Applicator {
  readonly keyword: string
  apply(): Applied | undefined
}

/** The keywords of a schema that apply other schemas to the same value. `apply` gives undefined where they say nothing. */
export function applicators(node: JsonObject, expander: Expander): readonly Applicator[] {
  const found: Applicator[] = []
  const { document } = expander
  for (const keyword of ['$ref', '$dynamicRef', '$recursiveRef']) {
    if (!(keyword in node)) continue
    const apply = (): Applied => {
      return { alternatives: expander.of(document.terms(document.follow(node, keyword), node, keyword)) }
    }
    found.push({ keyword, apply })
  }
  for (const schema of listOf(node, 'allOf', expander)) {
    const apply = (): Applied => ({ alternatives: expander.of(document.terms(schema, node, 'allOf')) })
    found.push({ keyword: 'allOf', apply })
  }
  if ('not' in node) found.push({ keyword: 'not', apply: () => negated(node, expander) })
  if ('anyOf' in node) found.push({ keyword: 'anyOf', apply: () => anyOf(node, expander) })
  if ('oneOf' in node) found.push({ keyword: 'oneOf', apply: () => oneOf(node, expander) })
  if ('if' in node) found.push({ keyword: 'if', apply: () => conditional(node, expander) })
  for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
    for (const [key, asked] of tableOf(node, keyword, expander)) {
      found.push({ keyword, apply: () => dependent(node, keyword, key, asked, expander) })
    }
  }
  return found
}

function listOf(node: JsonObject, keyword: string, { document }: Expander): readonly Json[] {
  const list = node[keyword] ?? []
  if (Array.isArray(list) && (list.length > 0 || !(keyword in node))) return list
  throw new GivenUp(document.finding(node, keyword, `${keyword} is a list of at least one schema`))
}

function tableOf(
  node: JsonObject,
  keyword: string,
  { document }: Expander,
): readonly (readonly [string, Json])[] {
  const table = node[keyword] ?? {}
  if (isObject(table)) return Object.entries(table)
  throw new GivenUp(document.finding(node, keyword, `${keyword} is an object`))
}

function negated(node: JsonObject, expander: Expander): Applied {
  return expander.negative(expander.document.terms(node['not'], node, 'not'))
}

function anyOf(node: JsonObject, expander: Expander): Applied {
  const lists = listOf(node, 'anyOf', expander).map((schema) => {
    return expander.of(expander.document.terms(schema, node, 'anyOf'))
  })
  return { alternatives: expander.union(lists) }
}

/** Each branch without what another one allows too, as far as the two can overlap at all. */
function oneOf(node: JsonObject, expander: Expander): Applied {
  const { document } = expander
  const branches = listOf(node, 'oneOf', expander).map((schema) => document.terms(schema, node, 'oneOf'))
  const lists = branches.map((terms) => expander.of(terms))
  const room = Math.min(LIMITS.branch, Math.floor(expander.bounds.alternatives / lists.flat().length))
  if (room === 0) {
    expander.check(document.finding(node, 'oneOf', 'its branches are too many to be held apart'))
    return { alternatives: expander.union(lists) }
  }
  const result: (readonly Alternative[])[] = []
  for (const [index, list] of lists.entries()) {
    for (const one of list) {
      let found: readonly Alternative[] = [one]
      for (const [other, rivals] of lists.entries()) {
        if (other === index || !rivals.some((rival) => overlap(one, rival, expander))) continue
        const { alternatives, lossy } = expander.negative(branches[other] ?? [])
        const clear = possible(clearOf(found, alternatives, room, expander), expander)
        if (clear.length > 0 || !lossy) found = clear
        else expander.check(document.finding(node, 'oneOf', OVERLAP))
      }
      result.push(found)
    }
  }
  return { alternatives: expander.union(result) }
}

/** With what is outside of another branch; where that would be too much, with one part of it. */
function clearOf(
  found: readonly Alternative[],
  outside: readonly Alternative[],
  room: number,
  expander: Expander,
): readonly Alternative[] {
  const related = outside.filter(({ kind }) => found.some((one) => one.kind === kind || kind === 'values'))
  if (found.length * related.length <= room) return expander.merge(found, outside)
  for (const part of related) {
    const merged = expander.merge(found, [part])
    if (merged.length > 0) return merged
  }
  return []
}

const OVERLAP = 'two of its branches may allow the same value: tell them apart by a property with a const'
const LOOK_DEPTH = 2

function overlap(left: Alternative, right: Alternative, expander: Expander): boolean {
  return possible(expander.merge([left], [right]), expander).length > 0
}

/** Those that are not seen to be empty. */
export function possible(found: readonly Alternative[], expander: Expander): readonly Alternative[] {
  return expander.compare(() => found.filter((one) => isPossible(one, LOOK_DEPTH, expander)))
}

/** `if` and `then`, or not `if` and `else`. */
function conditional(node: JsonObject, expander: Expander): Applied | undefined {
  if (!('then' in node) && !('else' in node)) return undefined
  const { document } = expander
  const branch = (keyword: string): readonly Term[] => document.terms(node[keyword] ?? true, node, keyword)
  const condition = branch('if')
  const met = expander.merge(expander.of(condition), expander.of(branch('then')))
  const { alternatives, lossy } = expander.negative(condition)
  const unmet = expander.merge(alternatives, expander.of(branch('else')))
  return { alternatives: expander.union([met, unmet]), lossy }
}

/** Either a property is missing, or what depends on it holds. */
function dependent(node: JsonObject, keyword: string, key: string, asked: Json, expander: Expander): Applied {
  const { document } = expander
  const never = document.terms(false, node, keyword)
  const layer = { properties: new Map([[key, never]]), patterns: [], additional: undefined }
  const missing: Alternative = { kind: 'object', spec: { ...ANY_OBJECT, layers: [layer] }, intended: false }
  const names = Array.isArray(asked) ? asked.filter((name) => typeof name === 'string') : []
  const present: Alternative = {
    kind: 'object',
    spec: { ...ANY_OBJECT, required: [...new Set([key, ...names])] },
    intended: false,
  }
  const met = Array.isArray(asked)
    ? [present]
    : expander.merge([present], expander.of(document.terms(asked, node, keyword)))
  return { alternatives: expander.union([NOT_OBJECTS, [missing], met]) }
}

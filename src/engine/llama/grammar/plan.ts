import { LIMITS } from './bounds.ts'
import { ANY_TEXT, both, type Dfa, TooLarge, textsOf, textsWithin, without } from './dfa.ts'
import { type Conjunction, NEVER, type Term } from './document.ts'
import type { Expander } from './expand.ts'
import type { Json } from './json.ts'
import type { NumberSpec } from './numbers.ts'
import type { Finding } from './outcome.ts'
import {
  type Alternative,
  type ArraySpec,
  type Contains,
  itemTerms,
  type ObjectLayer,
  type ObjectSpec,
  propertyTerms,
} from './shape.ts'
import { ANY_STRING, type StringLanguage, type StringSpec } from './strings.ts'

/** An alternative as it is printed: what it holds is named by what must hold there. */
export type Plan =
  | { readonly kind: 'values'; readonly values: readonly Json[] }
  | { readonly kind: 'number'; readonly spec: NumberSpec }
  | { readonly kind: 'string'; readonly spec: StringSpec }
  | ArrayPlan
  | ObjectPlan

export interface ArrayPlan {
  readonly kind: 'array'
  /** By position; the last one holds for all that follow. */
  readonly items: readonly ItemPlan[]
  readonly least: number
  readonly most: number
  readonly unique: Finding | undefined
  readonly contains: Contains | undefined
}

export interface ItemPlan {
  /** An item that need not be one of those that `contains` asks for. */
  readonly plain: Conjunction
  /** One that is. */
  readonly wanted: Conjunction | undefined
}

export interface ObjectPlan {
  readonly kind: 'object'
  /** In the order in which they are printed. */
  readonly entries: readonly EntryPlan[]
  /** Properties with other names. */
  readonly extras: readonly ExtraPlan[]
  readonly least: number
  readonly most: number
  readonly source: Finding | undefined
  readonly limit: Finding | undefined
}

export interface EntryPlan {
  readonly key: string
  readonly required: boolean
  readonly value: Conjunction
}

export interface ExtraPlan {
  readonly keys: StringSpec
  readonly value: Conjunction
}

export function plansOf(conjunction: Conjunction, expander: Expander): readonly Plan[] {
  const alternatives = expander.of(conjunction.terms)
  const meant = alternatives.filter(({ intended }) => intended)
  return (meant.length > 0 ? meant : alternatives).flatMap((one) => planOf(one, expander) ?? [])
}

/** All that a plan may hold. */
export function childrenOf(plan: Plan): readonly Conjunction[] {
  switch (plan.kind) {
    case 'values':
    case 'number':
    case 'string':
      return []
    case 'array':
      return plan.items.flatMap(({ plain, wanted }) => [plain, ...(wanted === undefined ? [] : [wanted])])
    case 'object':
      return [...plan.entries, ...plan.extras].map(({ value }) => value)
  }
}

function planOf(alternative: Alternative, expander: Expander): Plan | undefined {
  switch (alternative.kind) {
    case 'values':
    case 'number':
    case 'string':
      return alternative
    case 'array':
      return arrayPlan(alternative.spec, expander)
    case 'object':
      return objectPlan(alternative.spec, expander)
  }
}

function arrayPlan(spec: ArraySpec, expander: Expander): ArrayPlan {
  const { document } = expander
  const [contains, ...others] = spec.contains
  for (const { source } of others) expander.check(source)
  const outside =
    contains === undefined || contains.most === Infinity ? undefined : complement(contains, expander)
  const positions = 1 + Math.max(0, ...spec.layers.map(({ prefix }) => prefix.length))
  const items = Array.from({ length: positions }, (_, index): ItemPlan => {
    const terms = itemTerms(spec, index)
    return {
      plain: document.conjunction([...terms, ...(outside ?? [])]),
      wanted: contains === undefined ? undefined : document.conjunction([...terms, ...contains.terms]),
    }
  })
  const { least, most, unique } = spec
  return { kind: 'array', items, least, most, unique, contains }
}

/** What holds for the items that are not counted, where only so many may be. */
function complement({ terms, source }: Contains, expander: Expander): readonly Term[] {
  const [only] = terms
  if (only === undefined) return [{ node: NEVER, negated: false }]
  const { alternatives, lossy } = expander.negative(terms)
  if (alternatives.length > 0 || !lossy) return [{ node: only.node, negated: !only.negated }]
  expander.check({ ...source, keyword: 'maxContains', why: 'what must not be contained has no counterpart' })
  return []
}

function objectPlan(spec: ObjectSpec, expander: Expander): ObjectPlan | undefined {
  const { document, work } = expander
  const named = new Set([
    ...spec.layers.flatMap(({ properties }) => [...properties.keys()]),
    ...spec.required,
  ])
  work.spend(named.size * (1 + spec.layers.length))
  const allowed = spec.names.length === 0 ? undefined : expander.of(spec.names)
  const entries = [...named].flatMap((key): EntryPlan[] => {
    const isName = allowed === undefined || allowed.some((one) => expander.admits(one, key))
    if (!isName || !key.isWellFormed()) return []
    const value = document.conjunction(propertyTerms(spec, key))
    return [{ key, required: spec.required.includes(key), value }]
  })
  if (spec.required.some((key) => !entries.some((entry) => entry.key === key))) return undefined
  const { least, most, source, limit } = spec
  const open = isOpen(spec, named.size) || least > entries.length
  const extras: ExtraPlan[] = []
  for (const extra of open && most > 0 ? extrasOf(spec, named, expander) : []) {
    const names = namesOf(extra.keys, work)
    if (names === undefined) extras.push(extra)
    // A short list of names is printed like names that are given: each once.
    else entries.push(...names.map((key) => ({ key, required: false, value: extra.value })))
  }
  return { kind: 'object', entries, extras, least, most, source, limit }
}

/** Names that the schema does not give are printed only where it asks for some, or gives none at all. */
function isOpen({ layers }: ObjectSpec, named: number): boolean {
  if (named === 0) return true
  return layers.some(
    ({ additional, patterns }) =>
      patterns.length > 0 || (additional !== undefined && !additional.some(({ node }) => node === NEVER)),
  )
}

/** Names that a program may take for more than a name. */
const TRICKY_NAMES = ['__proto__']

/**
 * Names of each kind: those that one pattern fits and no other, and those that none fits. A name that two patterns
 * fit would have to meet both; it is not printed. Nor is any where there are too many patterns to tell them apart.
 */
function extrasOf(spec: ObjectSpec, named: ReadonlySet<string>, expander: Expander): ExtraPlan[] {
  const { document } = expander
  const free = freeNames(spec, named, expander)
  const patterns = spec.layers.flatMap((layer) => layer.patterns.map(({ dfa }) => dfa))
  if (patterns.length > LIMITS.namePatterns) return []
  const found: ExtraPlan[] = []
  for (const chosen of [undefined, ...new Set(patterns)]) {
    const terms = spec.layers.flatMap((layer) => extraTerms(layer, chosen))
    if (terms.some(({ node }) => node === NEVER)) continue
    const others = patterns.filter((dfa) => dfa !== chosen)
    try {
      const names = others.reduce((rest, dfa) => without(rest, dfa, expander.work), free)
      for (const keys of keySpecs(spec, [names, ...(chosen === undefined ? [] : [chosen])], expander)) {
        found.push({ keys, value: document.conjunction(terms) })
      }
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error
    }
  }
  return found
}

function extraTerms({ patterns, additional }: ObjectLayer, chosen: Dfa | undefined): readonly Term[] {
  const fitting = patterns.filter(({ dfa }) => dfa === chosen)
  return fitting.length > 0 ? fitting.flatMap(({ terms }) => terms) : (additional ?? [])
}

/** All names but those that are given. Where they are many, whatever begins like one of them is left out too. */
function freeNames(spec: ObjectSpec, named: ReadonlySet<string>, { work }: Expander): Dfa {
  const given = [...named, ...TRICKY_NAMES].filter((key) => key.isWellFormed())
  const length = Math.max(1, Math.floor(LIMITS.states / 4 / (given.length * (1 + spec.layers.length))))
  const whole = given.filter((key) => [...key].length <= length)
  const begun = given
    .filter((key) => [...key].length > length)
    .map((key) => [...key].slice(0, length).join(''))
  const rest = without(ANY_TEXT, textsOf(whole, work), work)
  return begun.length === 0 ? rest : without(rest, beginningWith(begun, work), work)
}

function beginningWith(beginnings: readonly string[], work: Expander['work']): Dfa {
  const { states, start } = textsOf(beginnings, work)
  const any = ANY_TEXT.states[0]?.edges[0]?.set ?? []
  const ended = states.map(({ accepts, edges }, id) => {
    return accepts ? { accepts, edges: [{ set: any, to: id }] } : { accepts, edges }
  })
  return { states: ended, start }
}

const MAX_NAMES = 64

/** All texts, where they are few. */
function namesOf(
  { languages, least, most }: StringSpec,
  work: Expander['work'],
): readonly string[] | undefined {
  try {
    const [first, ...others] = languages
    const dfa = others.reduce((all, language) => both(all, language.dfa, work), first?.dfa ?? ANY_TEXT)
    const texts = textsWithin(dfa, MAX_NAMES)
    return texts?.filter((text) => [...text].length >= least && [...text].length <= most)
  } catch (error) {
    if (error instanceof TooLarge) return undefined
    throw error
  }
}

/** What `propertyNames` says of the names, as strings. */
function keySpecs(spec: ObjectSpec, dfas: readonly Dfa[], expander: Expander): StringSpec[] {
  const source = { keyword: 'propertyNames', pointer: '', why: 'the names' }
  const languages = dfas.map((dfa): StringLanguage => ({ dfa, source }))
  if (spec.names.length === 0) return [{ ...ANY_STRING, languages }]
  return expander.of(spec.names).flatMap((one): StringSpec[] => {
    if (one.kind === 'string') return [{ ...one.spec, languages: [...one.spec.languages, ...languages] }]
    if (one.kind !== 'values') return []
    const texts = one.values.filter((value) => typeof value === 'string')
    const listed = { dfa: textsOf(texts, expander.work), source }
    return [{ ...ANY_STRING, languages: [listed, ...languages] }]
  })
}

import { admits } from './admits.ts'
import { type Applied, applicators, possible } from './applicators.ts'
import { assertionsOf, type Reading } from './assertions.ts'
import { type GrammarBounds, LIMITS } from './bounds.ts'
import { type Conjunction, NEVER, type SchemaDocument, type Term } from './document.ts'
import { identity, type Json, type JsonObject } from './json.ts'
import { type Language, languageOf } from './language.ts'
import { type Negation, negationOf } from './negate.ts'
import { type Finding, GivenUp, type Work } from './outcome.ts'
import { type Alternative, EVERYTHING, mergeAlternatives } from './shape.ts'
import { withoutUnevaluated } from './unevaluated.ts'

/** Multiplied out there would be more alternatives than LIMITS allow. */
class TooMany extends Error {}

/** What taking schemas apart needs of the whole. */
export interface Expander extends Reading {
  readonly work: Work
  /** What meets all of these at once. Throws GivenUp. */
  of(terms: readonly Term[]): readonly Alternative[]
  /** What does not meet a schema, or a part of it. */
  negative(terms: readonly Term[]): Negation
  /** Each with each. */
  merge(left: readonly Alternative[], right: readonly Alternative[]): readonly Alternative[]
  union(lists: readonly (readonly Alternative[])[]): readonly Alternative[]
  /** While branches are compared, a schema that leads back to itself is taken to allow everything. */
  compare<Result>(look: () => Result): Result
}

interface ExpansionParts {
  readonly document: SchemaDocument
  readonly bounds: GrammarBounds
  readonly work: Work
  readonly check: (finding: Finding) => void
}

/**
 * Takes schemas apart into alternatives.
 *
 * DESIGN. Keywords that stand side by side multiply: each of what `anyOf` offers with each of what `type` allows. A
 * part that would multiply beyond the bound on alternatives, or that has no exact counterpart, is left out and named in
 * `check`; what is kept is never wider than the other keywords allow.
 */
export class Expansion implements Expander {
  readonly document: SchemaDocument
  readonly bounds: GrammarBounds
  readonly work: Work
  readonly check: (finding: Finding) => void
  readonly #languages = new Map<string, Language>()
  readonly #known = new Map<string, readonly Alternative[]>()
  readonly #negated = new Map<JsonObject, Negation>()
  readonly #open = new Set<string>()
  #comparing = 0
  /** How often something was assumed because it was open; what rests on that is not kept. */
  #assumed = 0

  constructor({ document, bounds, work, check }: ExpansionParts) {
    this.document = document
    this.bounds = bounds
    this.work = work
    this.check = check
  }

  readonly admits = (alternative: Alternative, value: Json): boolean => {
    this.work.spend(1)
    return admits(alternative, value, (terms) => this.of(terms))
  }

  language(pattern: string): Language {
    const known = this.#languages.get(pattern)
    if (known !== undefined) return known
    this.work.spend(pattern.length)
    const language = this.bounds.patternRules === 0 ? TOO_MANY_PATTERNS : languageOf(pattern, this.work)
    this.#languages.set(pattern, language)
    return language
  }

  of(terms: readonly Term[]): readonly Alternative[] {
    return this.all(this.document.conjunction(terms))
  }

  all({ key, terms }: Conjunction): readonly Alternative[] {
    const known = terms.length === 0 ? EVERYTHING : this.#known.get(key)
    if (known !== undefined) return known
    const assumed = this.#assumed
    const [only] = terms
    const found = terms.length === 1 && only !== undefined ? this.#single(only, key) : this.#together(terms)
    if (assumed === this.#assumed) this.#known.set(key, found)
    return found
  }

  #together(terms: readonly Term[]): readonly Alternative[] {
    let found: readonly Alternative[] = EVERYTHING
    for (const term of terms) found = this.#with(found, term.node, '', { alternatives: this.of([term]) })
    return found
  }

  #single({ node, negated }: Term, key: string): readonly Alternative[] {
    if (this.#open.has(key)) {
      this.#assumed++
      if (this.#comparing > 0) return EVERYTHING
      const why =
        'this schema leads back to itself before any property or item: there is no value to begin with'
      throw new GivenUp({ keyword: '$ref', pointer: this.document.placeOf(node), why })
    }
    if (this.#open.size > LIMITS.nesting) {
      const why = `schemas lead to one another over more than ${LIMITS.nesting} steps: make the way shorter`
      throw new GivenUp({ keyword: '$ref', pointer: this.document.placeOf(node), why })
    }
    this.#open.add(key)
    try {
      if (negated) return this.#negation(node).alternatives
      return node === NEVER ? [] : this.#positive(node)
    } finally {
      this.#open.delete(key)
    }
  }

  #positive(node: JsonObject): readonly Alternative[] {
    let found: readonly Alternative[] = assertionsOf(node, this)
    for (const { keyword, apply } of applicators(node, this)) {
      if (found.length === 0) break
      found = this.#guarded(found, node, keyword, apply)
    }
    return withoutUnevaluated(found, node, this)
  }

  #guarded(
    found: readonly Alternative[],
    node: JsonObject,
    keyword: string,
    apply: () => Applied | undefined,
  ): readonly Alternative[] {
    try {
      const applied = apply()
      return applied === undefined ? found : this.#with(found, node, keyword, applied)
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      this.check(this.document.finding(node, keyword, TOO_MANY))
      return found
    }
  }

  #with(
    found: readonly Alternative[],
    node: JsonObject,
    keyword: string,
    { alternatives, lossy = false }: Applied,
  ): readonly Alternative[] {
    try {
      const merged = this.merge(found, alternatives)
      if (!lossy) return merged
      const kept = possible(merged, this)
      if (kept.length > 0) return kept
      this.check(this.document.finding(node, keyword, NO_COUNTERPART))
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      const pointer = this.document.placeOf(node)
      this.check(
        keyword === ''
          ? { keyword: 'allOf', pointer, why: TOO_MANY }
          : this.document.finding(node, keyword, TOO_MANY),
      )
    }
    return found
  }

  negative(terms: readonly Term[]): Negation {
    const [only, ...others] = terms
    if (only === undefined) return { alternatives: [], lossy: false }
    if (others.length > 0) throw new Error('one schema is negated at a time')
    if (!only.negated) return this.#negation(only.node)
    return { alternatives: this.of([{ node: only.node, negated: false }]), lossy: false }
  }

  #negation(node: JsonObject): Negation {
    if (node === NEVER) return { alternatives: EVERYTHING, lossy: false }
    const known = this.#negated.get(node)
    if (known !== undefined) return known
    const mark = `negation ${this.document.conjunction([{ node, negated: true }]).key}`
    if (this.#open.has(mark) || this.#open.size > LIMITS.nesting) {
      this.#assumed++
      return NOTHING_KNOWN
    }
    this.#open.add(mark)
    const assumed = this.#assumed
    try {
      const found = negationOf(node, this)
      if (assumed === this.#assumed) this.#negated.set(node, found)
      return found
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      return NOTHING_KNOWN
    } finally {
      this.#open.delete(mark)
    }
  }

  merge(left: readonly Alternative[], right: readonly Alternative[]): readonly Alternative[] {
    if (left === EVERYTHING) return right
    if (right === EVERYTHING) return left
    const found: Alternative[] = []
    for (const one of left) {
      for (const other of right) {
        this.work.spend(1)
        const merged = mergeAlternatives(one, other, this.admits)
        if (merged === undefined) continue
        found.push(merged)
        if (found.length > this.bounds.alternatives) throw new TooMany()
      }
    }
    return found
  }

  union(lists: readonly (readonly Alternative[])[]): readonly Alternative[] {
    const found: Alternative[] = []
    const meant = new Map<string, Json>()
    const other = new Map<string, Json>()
    for (const one of lists.flat()) {
      this.work.spend(1)
      const values = one.intended ? meant : other
      if (one.kind !== 'values') found.push(one)
      else for (const value of one.values) values.set(identity(value), value)
    }
    if (found.length > LIMITS.branches) throw new TooMany()
    if (other.size > 0) found.unshift({ kind: 'values', values: [...other.values()], intended: false })
    if (meant.size > 0) found.unshift({ kind: 'values', values: [...meant.values()], intended: true })
    return found
  }

  compare<Result>(look: () => Result): Result {
    this.#comparing++
    try {
      return look()
    } finally {
      this.#comparing--
    }
  }
}

const NOTHING_KNOWN: Negation = { alternatives: [], lossy: true }
const TOO_MANY = 'with what stands beside it this comes to too many alternatives'
const TOO_MANY_PATTERNS: Language = {
  type: 'unsupported',
  why: 'the patterns of this schema are too many for one grammar',
}
const NO_COUNTERPART = 'it has no counterpart in a grammar'

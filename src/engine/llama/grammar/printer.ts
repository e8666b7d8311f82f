import { printArray } from './arrays.ts'
import { type GrammarBounds, LIMITS } from './bounds.ts'
import { type Component, componentsOf } from './components.ts'
import { type Dfa, fromTheEnds } from './dfa.ts'
import type { Conjunction } from './document.ts'
import type { Expander } from './expand.ts'
import type { Json } from './json.ts'
import { isRoundedOff, type NumberSpec, numberTexts, wholeNumbers } from './numbers.ts'
import { printObject } from './objects.ts'
import { type Finding, GivenUp, type Work } from './outcome.ts'
import { childrenOf, type Plan, plansOf } from './plan.ts'
import { EMPTY, oneOf, type Parts, type Rules, text } from './rules.ts'
import type { Strings } from './strings.ts'

/** What printing an array or an object needs. */
export interface Printing {
  readonly rules: Rules
  readonly strings: Strings
  readonly bounds: GrammarBounds
  /** A space, or none. */
  readonly space: Parts
  readonly check: (finding: Finding) => void
  /** Undefined where nothing can be printed. */
  value(child: Conjunction): Parts | undefined
  /** The child may hold what holds it. */
  isNested(child: Conjunction): boolean
  /** All values, where they are a short list. */
  listed(child: Conjunction): readonly Json[] | undefined
}

interface PrinterParts {
  readonly expander: Expander
  readonly rules: Rules
  readonly strings: Strings
  readonly work: Work
  readonly check: (finding: Finding) => void
}

/** How often a schema that needs it is entered again beyond the bound. */
const MOST_RECURSION = 24

/**
 * Makes rules of schemas.
 *
 * DESIGN. Schemas that lead back to themselves are printed several times, each time with one entry less to go; the
 * last may only hold what ends. All others are printed once.
 */
export class Printer {
  readonly #parts: PrinterParts
  readonly #plans = new Map<string, readonly Plan[]>()
  readonly #made = new Map<string, Parts | undefined>()
  readonly #numbers = new Map<string, Parts | undefined>()
  #components: ReadonlyMap<string, Component> = new Map()
  #recursion: number
  #depth = 0

  constructor(parts: PrinterParts) {
    this.#parts = parts
    this.#recursion = parts.expander.bounds.recursion
  }

  /** Undefined where no value meets the schema. Throws GivenUp. */
  root(conjunction: Conjunction): Parts | undefined {
    const children = (node: Conjunction): readonly Conjunction[] => this.plans(node).flatMap(childrenOf)
    this.#components = componentsOf(conjunction, children, this.#parts.work)
    const isCyclic = [...this.#components.values()].some(({ cyclic }) => cyclic)
    for (;;) {
      const parts = this.value(conjunction, undefined, 0)
      if (parts !== undefined || !isCyclic || this.#recursion >= MOST_RECURSION) return parts
      this.#recursion = MOST_RECURSION
      this.#made.clear()
    }
  }

  plans(conjunction: Conjunction): readonly Plan[] {
    const known = this.#plans.get(conjunction.key)
    if (known !== undefined) return known
    const plans = plansOf(conjunction, this.#parts.expander)
    this.#plans.set(conjunction.key, plans)
    return plans
  }

  /** `from` and `left`: the component that holds this one, and how often that may still be entered. */
  value(conjunction: Conjunction, from: number | undefined, left: number): Parts | undefined {
    const component = this.#components.get(conjunction.key)
    if (component === undefined) throw new Error('a schema is printed that nothing leads to')
    const again = component.id === from ? left - 1 : this.#recursion
    const entries = component.cyclic ? again : 0
    if (entries < 0) return undefined
    const key = `${conjunction.key} ${entries}`
    if (this.#made.has(key)) return this.#made.get(key)
    if (++this.#depth > LIMITS.nesting) {
      const pointer = conjunction.terms[0] === undefined ? '' : this.#placeOf(conjunction)
      const why = `values would nest deeper than ${LIMITS.nesting} levels: make the schema flatter`
      throw new GivenUp({ keyword: '$ref', pointer, why })
    }
    const printing = this.#printing(component.id, entries)
    const options = this.plans(conjunction).map((plan) => this.#plan(plan, printing))
    const parts = this.#parts.rules.choice(options)
    this.#depth--
    this.#made.set(key, parts)
    return parts
  }

  #placeOf({ terms }: Conjunction): string {
    const [first] = terms
    return first === undefined ? '' : this.#parts.expander.document.placeOf(first.node)
  }

  #printing(component: number, entries: number): Printing {
    const { rules, strings, check, expander } = this.#parts
    return {
      rules,
      strings,
      check,
      bounds: expander.bounds,
      space: rules.choice([EMPTY, text(' ')]) ?? EMPTY,
      value: (child) => this.value(child, component, entries),
      isNested: (child) => this.#components.get(child.key)?.id === component,
      listed: (child) => this.#listed(child),
    }
  }

  #plan(plan: Plan, printing: Printing): Parts | undefined {
    switch (plan.kind) {
      case 'values':
        return printing.rules.choice(plan.values.map((value) => text(JSON.stringify(value))))
      case 'number':
        return this.#number(plan.spec)
      case 'string':
        return printing.strings.print(plan.spec, printing.bounds.stringChars)
      case 'array':
        return printArray(plan, printing)
      case 'object':
        return printObject(plan, printing)
    }
  }

  #number(spec: NumberSpec): Parts | undefined {
    const { check } = this.#parts
    if (isRoundedOff(spec)) {
      const why =
        'a number of more than 15 digits is rounded when it is read, and may be no multiple any more: set limits'
      check({ keyword: 'multipleOf', pointer: spec.place ?? '', why })
    }
    const key = JSON.stringify({ ...spec, place: undefined })
    if (!this.#numbers.has(key)) this.#numbers.set(key, this.#digits(spec))
    return this.#numbers.get(key)
  }

  #digits(spec: NumberSpec): Parts | undefined {
    const { rules, work, expander } = this.#parts
    const texts = numberTexts(spec, expander.bounds, work)
    if (texts.type === 'automaton') return printDigits(texts.dfa, rules)
    return rules.choice(texts.values.map((value) => text(JSON.stringify(value))))
  }

  #listed(child: Conjunction): readonly Json[] | undefined {
    const values: Json[] = []
    for (const plan of this.plans(child)) {
      const list =
        plan.kind === 'values' ? plan.values : plan.kind === 'number' ? wholeNumbers(plan.spec) : undefined
      if (list === undefined) return undefined
      values.push(...list)
    }
    return values
  }
}

/** The texts of an automaton without cycles. */
function printDigits(dfa: Dfa, rules: Rules): Parts | undefined {
  const made: (Parts | undefined)[] = []
  for (const id of dfa.states.length === 0 ? [] : fromTheEnds(dfa, new Set(dfa.states.keys()))) {
    const state = dfa.states[id]
    const options = (state?.edges ?? []).map(({ set, to }) => {
      const rest = made[to]
      return rest === undefined ? undefined : [oneOf(set), ...rest]
    })
    made[id] = rules.choice(state?.accepts ? [EMPTY, ...options] : options)
  }
  return made[dfa.start]
}

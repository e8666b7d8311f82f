import { LIMITS } from './bounds.ts'
import type { EntryPlan, ObjectPlan } from './plan.ts'
import type { Printing } from './printer.ts'
import { EMPTY, type Parts, text } from './rules.ts'

/** A property as it is printed: name, colon, value. */
interface Entry {
  readonly required: boolean
  readonly parts: Parts
}

/**
 * Undefined where no object can be printed.
 *
 * DESIGN. Properties come in the order of the schema. For each there is a rule for what may follow it, so that the
 * grammar grows with the number of properties and not with the number of their combinations. Names that the schema does
 * not give come last. Properties are counted only where `minProperties` or `maxProperties` could be missed.
 */
export function printObject(plan: ObjectPlan, printing: Printing): Parts | undefined {
  const entries: Entry[] = []
  for (const entry of plan.entries) {
    const parts = entryOf(entry, printing)
    if (parts !== undefined) entries.push({ required: entry.required, parts })
    else if (entry.required) return undefined
  }
  const extras = plan.extras.flatMap(({ keys, value }) => {
    const name = printing.strings.print(keys, printing.bounds.keyChars)
    const parts = name === undefined ? undefined : printing.value(value)
    return name === undefined || parts === undefined
      ? []
      : [[...name, ...text(':'), ...printing.space, ...parts]]
  })
  const required = entries.filter((entry) => entry.required).length
  const nested = plan.extras.some(({ value }) => printing.isNested(value))
  const usual = nested ? printing.bounds.recursiveItems : printing.bounds.extraKeys
  const room = extras.length === 0 ? 0 : Math.max(usual, plan.least - entries.length)
  const extraCount = Math.min(room, plan.most - required)
  const all = entries.length + extraCount
  if (plan.most < required || plan.least > all) return undefined
  const bounds = { least: plan.least, most: Math.min(plan.most, all) }
  const matters = plan.least > required || plan.most < all
  const isCounted = matters && entries.length * bounds.most <= LIMITS.counted
  const isLoose = matters && !isCounted
  if (plan.source !== undefined && plan.least > required && (isLoose || extras.length > 0)) {
    printing.check(plan.source)
  }
  if (plan.limit !== undefined && isLoose && plan.most < all) printing.check(plan.limit)
  const counts = isCounted ? bounds : { least: 0, most: 0 }
  return new PropertyList({ entries, extras, extraCount, ...counts, isCounted }, printing).print()
}

function entryOf({ key, value }: EntryPlan, printing: Printing): Parts | undefined {
  const parts = printing.value(value)
  return parts === undefined ? undefined : [...text(`${JSON.stringify(key)}:`), ...printing.space, ...parts]
}

interface Properties {
  readonly entries: readonly Entry[]
  readonly extras: readonly Parts[]
  readonly extraCount: number
  readonly least: number
  readonly most: number
  readonly isCounted: boolean
}

/** What can follow, by the number of properties so far; one column where they are not counted. */
type Column = readonly (Parts | undefined)[]

class PropertyList {
  readonly #all: Properties
  readonly #printing: Printing
  readonly #counts: readonly number[]

  constructor(all: Properties, printing: Printing) {
    this.#all = all
    this.#printing = printing
    this.#counts = Array.from({ length: all.most + 1 }, (_, count) => count)
  }

  print(): Parts | undefined {
    const { rules } = this.#printing
    const { entries, least } = this.#all
    let { next, tail } = this.#extras()
    let mayEnd = true
    for (const { required, parts } of entries.toReversed()) {
      const later = { next, tail }
      mayEnd &&= !required
      next = this.#counts.map((count) =>
        rules.choice([
          followed(parts, later.tail[this.#after(count)]),
          required ? undefined : later.next[count],
        ]),
      )
      tail = this.#tails(next, mayEnd)
    }
    const empty = mayEnd && least === 0 ? text('}') : undefined
    return followed(text('{'), rules.choice([empty, next[0]]))
  }

  /** The place of one more; beyond the end where there may be no more. */
  #after(count: number): number {
    return this.#all.isCounted ? count + 1 : 0
  }

  /** The end of the object, or a comma and what comes next. */
  #tails(next: Column, mayEnd: boolean): Column {
    const { rules, space } = this.#printing
    const comma = [...text(','), ...space]
    return this.#counts.map((count) =>
      rules.choice([
        mayEnd && count >= this.#all.least ? text('}') : undefined,
        followed(comma, next[count]),
      ]),
    )
  }

  #extras(): { next: Column; tail: Column } {
    const { rules } = this.#printing
    const { extras, extraCount } = this.#all
    let next: Column = []
    let tail: Column = this.#tails(next, true)
    for (let left = 0; left < extraCount; left++) {
      const later = tail
      next = this.#counts.map((count) =>
        rules.choice(extras.map((parts) => followed(parts, later[this.#after(count)]))),
      )
      tail = this.#tails(next, true)
    }
    return { next, tail }
  }
}

function followed(parts: Parts, rest: Parts | undefined): Parts | undefined {
  return rest === undefined ? undefined : [...parts, ...(rest === EMPTY ? EMPTY : rest)]
}

import { LIMITS } from './bounds.ts'
import { identity, type Json } from './json.ts'
import type { ArrayPlan, ItemPlan } from './plan.ts'
import type { Printing } from './printer.ts'
import { EMPTY, type Parts, text } from './rules.ts'

/** Values of a list that are printed in any order, each at most once; of a longer list, in the order of the list. */
const ANY_ORDER = 5

/** Undefined where no array can be printed. */
export function printArray(plan: ArrayPlan, printing: Printing): Parts | undefined {
  if (plan.least > plan.most) return undefined
  if (plan.unique !== undefined && plan.most > 1) {
    const [item] = plan.items
    const simple = plan.items.length === 1 && plan.contains === undefined
    const listed = simple && item !== undefined ? printing.listed(item.plain) : undefined
    if (listed !== undefined) return printSet(plan, listed, printing)
    printing.check(plan.unique)
  }
  return printList(plan, printing)
}

/**
 * One rule for what follows so many items, of which so many are what `contains` asks for. Built from the end, so that
 * arrays with equal items share their ends.
 */
function printList(plan: ArrayPlan, printing: Printing): Parts | undefined {
  const { rules } = printing
  const { contains } = plan
  const wanted = contains?.least ?? 0
  const isLimited = contains !== undefined && contains.most !== Infinity
  const nested = plan.items.some(({ plain }) => printing.isNested(plain))
  const usual = nested ? printing.bounds.recursiveItems : printing.bounds.items
  const needed = Math.max(plan.least, wanted)
  const columns = 1 + (isLimited ? Math.min(contains.most, usual) : wanted)
  const most = Math.min(plan.most, Math.max(needed, Math.min(usual, Math.floor(LIMITS.counted / columns))))
  const counts = isLimited ? Math.min(contains.most, most) : wanted
  const items = new Items(plan, printing)
  let later: (Parts | undefined)[] = []
  for (let at = most; at >= 0; at--) {
    const made: (Parts | undefined)[] = []
    for (let count = 0; count <= Math.min(counts, at); count++) {
      const options: (Parts | undefined)[] = []
      if (at >= plan.least && count >= wanted) options.push(text(']'))
      const before = at === 0 ? EMPTY : [...text(','), ...printing.space]
      const plain = join(before, at < most ? items.plain(at) : undefined, later[count])
      options.push(plain)
      if (count < counts && at < most) options.push(join(before, items.wanted(at), later[count + 1]))
      made.push(rules.choice(options))
    }
    later = made
  }
  return join(text('['), EMPTY, later[0])
}

class Items {
  readonly #plan: ArrayPlan
  readonly #printing: Printing

  constructor(plan: ArrayPlan, printing: Printing) {
    this.#plan = plan
    this.#printing = printing
  }

  #at(index: number): ItemPlan | undefined {
    return this.#plan.items[Math.min(index, this.#plan.items.length - 1)]
  }

  plain(index: number): Parts | undefined {
    const item = this.#at(index)
    return item === undefined ? undefined : this.#printing.value(item.plain)
  }

  wanted(index: number): Parts | undefined {
    const item = this.#at(index)
    return item?.wanted === undefined ? undefined : this.#printing.value(item.wanted)
  }
}

function printSet(plan: ArrayPlan, listed: readonly Json[], printing: Printing): Parts | undefined {
  const values = [...new Map(listed.map((value) => [identity(value), value])).values()]
  const texts = values.map((value) => text(JSON.stringify(value)))
  const most = Math.min(plan.most, texts.length, Math.max(printing.bounds.items, plan.least))
  if (plan.least > most) return undefined
  const rest = texts.length <= ANY_ORDER ? anyOrder(texts, plan.least, most, printing) : undefined
  return join(text('['), EMPTY, rest ?? listOrder(texts, plan.least, most, printing))
}

function anyOrder(
  texts: readonly Parts[],
  least: number,
  most: number,
  printing: Printing,
): Parts | undefined {
  const made = new Map<number, Parts | undefined>()
  const after = (taken: number, count: number): Parts | undefined => {
    if (made.has(taken)) return made.get(taken)
    const before = count === 0 ? EMPTY : [...text(','), ...printing.space]
    const options = texts.map((one, index) => {
      const isFree = count < most && (taken & (1 << index)) === 0
      return isFree ? join(before, one, after(taken | (1 << index), count + 1)) : undefined
    })
    const rest = printing.rules.choice([count >= least ? text(']') : undefined, ...options])
    made.set(taken, rest)
    return rest
  }
  return after(0, 0)
}

function listOrder(
  texts: readonly Parts[],
  least: number,
  most: number,
  printing: Printing,
): Parts | undefined {
  const { rules, space } = printing
  const counts = Math.max(least, Math.min(most, Math.floor(LIMITS.counted / texts.length)))
  const close = (count: number): Parts | undefined => (count >= least ? text(']') : undefined)
  /** By count: what follows once all values up to this one are decided; and the same with one more to come. */
  let ends = Array.from({ length: counts + 1 }, (_, count) => close(count))
  let next: (Parts | undefined)[] = []
  for (const one of texts.toReversed()) {
    const chosen = ends.map((_, count) => rules.choice([join(EMPTY, one, ends[count + 1]), next[count]]))
    next = chosen
    ends = chosen.map((choice, count) =>
      rules.choice([close(count), count === 0 ? undefined : join([...text(','), ...space], EMPTY, choice)]),
    )
  }
  return rules.choice([close(0), next[0]])
}

function join(before: Parts, value: Parts | undefined, rest: Parts | undefined): Parts | undefined {
  return value === undefined || rest === undefined ? undefined : [...before, ...value, ...rest]
}

import { LIMITS } from './bounds.ts'
import { ALL_CHARS, type CharSet, charOf, has, intersect, minus, union } from './chars.ts'
import type { Work } from './outcome.ts'

/**
 * A deterministic automaton over characters. Edges of a state do not overlap, and from every state an accepting one
 * can be reached, so that what follows an edge never ends in nothing. No state at all: the empty language.
 */
export interface Dfa {
  readonly states: readonly DfaState[]
  readonly start: number
}

export interface DfaState {
  readonly accepts: boolean
  readonly edges: readonly Edge[]
}

export interface Edge {
  readonly set: CharSet
  readonly to: number
}

/** An automaton would have more states than LIMITS allow. */
export class TooLarge extends Error {}

export const ANY_TEXT: Dfa = { start: 0, states: [{ accepts: true, edges: [{ set: ALL_CHARS, to: 0 }] }] }

export function isEmpty(dfa: Dfa): boolean {
  return dfa.states.length === 0
}

export function accepts(dfa: Dfa, text: string): boolean {
  let at = dfa.states[dfa.start]
  for (const char of text) {
    const edge = at?.edges.find(({ set }) => has(set, char.codePointAt(0) ?? 0))
    if (edge === undefined) return false
    at = dfa.states[edge.to]
  }
  return at?.accepts ?? false
}

/** Exactly these texts. */
export function textsOf(texts: Iterable<string>, work: Work): Dfa {
  const states: { accepts: boolean; next: Map<number, number> }[] = [{ accepts: false, next: new Map() }]
  for (const text of texts) {
    let at = 0
    for (const char of text) {
      const code = char.codePointAt(0) ?? 0
      const known = states[at]?.next.get(code)
      const to = known ?? states.push({ accepts: false, next: new Map() }) - 1
      states[at]?.next.set(code, to)
      at = to
    }
    work.spend(text.length + 1)
    const end = states[at]
    if (end !== undefined) end.accepts = true
  }
  const list = states.map(({ accepts, next }) => {
    return { accepts, edges: [...next].map(([code, to]) => ({ set: charOf(code), to })) }
  })
  return tidy({ start: 0, states: list }, work)
}

/** Texts of both. Throws TooLarge. */
export function both(left: Dfa, right: Dfa, work: Work): Dfa {
  if (left === right || right === ANY_TEXT) return left
  if (left === ANY_TEXT) return right
  return product(left, right, false, work)
}

/** Texts of the one that are not of the other. Throws TooLarge. */
export function without(left: Dfa, right: Dfa, work: Work): Dfa {
  return isEmpty(right) ? left : product(left, right, true, work)
}

function product(left: Dfa, right: Dfa, negative: boolean, work: Work): Dfa {
  if (isEmpty(left) || isEmpty(right)) return { start: 0, states: [] }
  const dead = right.states.length
  const ids = new Map<number, number>()
  const pairs: (readonly [number, number])[] = []
  const idOf = (one: number, other: number): number => {
    const key = one * (dead + 1) + other
    const known = ids.get(key)
    if (known !== undefined) return known
    if (pairs.length >= LIMITS.states) throw new TooLarge()
    ids.set(key, pairs.length)
    return pairs.push([one, other]) - 1
  }
  idOf(left.start, right.start)
  const states: DfaState[] = []
  for (let at = 0; at < pairs.length; at++) {
    const [one, other] = pairs[at] ?? [0, dead]
    const mine = left.states[one]
    const theirs = right.states[other]
    const edges: Edge[] = []
    for (const edge of mine?.edges ?? []) {
      let rest = edge.set
      for (const against of theirs?.edges ?? []) {
        work.spend(2 + (edge.set.length >> 4))
        const set = intersect(rest, against.set)
        if (set.length === 0) continue
        edges.push({ set, to: idOf(edge.to, against.to) })
        rest = minus(rest, set)
      }
      if (negative && rest.length > 0) edges.push({ set: rest, to: idOf(edge.to, dead) })
    }
    const agreed = negative ? !(theirs?.accepts ?? false) : (theirs?.accepts ?? false)
    states.push({ accepts: (mine?.accepts ?? false) && agreed, edges })
  }
  return tidy({ start: 0, states }, work)
}

/** Without states that lead nowhere, and with equal ones merged as far as one pass from the ends sees them. */
export function tidy(dfa: Dfa, work: Work): Dfa {
  const useful = reaching(dfa)
  if (!useful.has(dfa.start)) return { start: 0, states: [] }
  const ids = new Map<number, number>()
  const known = new Map<string, number>()
  const states: DfaState[] = []
  const waiting: { readonly id: number; readonly old: number }[] = []
  for (const old of fromTheEnds(dfa, useful)) {
    const state = dfa.states[old]
    const outside = (state?.edges ?? []).some(({ to }) => useful.has(to) && !ids.has(to))
    const key = outside ? `#${old}` : keyOf(state, ids)
    work.spend(4 + 4 * (state?.edges.length ?? 0))
    const same = known.get(key)
    const id = same ?? states.push({ accepts: state?.accepts ?? false, edges: merged(state, ids) }) - 1
    known.set(key, id)
    ids.set(old, id)
    if (outside) waiting.push({ id, old })
  }
  for (const { id, old } of waiting) {
    const state = dfa.states[old]
    states[id] = { accepts: state?.accepts ?? false, edges: merged(state, ids) }
  }
  return { start: ids.get(dfa.start) ?? 0, states }
}

function keyOf(state: DfaState | undefined, ids: ReadonlyMap<number, number>): string {
  const edges = merged(state, ids).map(({ set, to }) => `${set.join()}>${to}`)
  return `${state?.accepts ?? false} ${edges.sort().join(' ')}`
}

/** The edges to states that are kept, those with one target joined. */
function merged(state: DfaState | undefined, ids: ReadonlyMap<number, number>): Edge[] {
  const sets = new Map<number, CharSet[]>()
  for (const { set, to } of state?.edges ?? []) {
    const id = ids.get(to)
    if (id === undefined) continue
    const known = sets.get(id)
    if (known === undefined) sets.set(id, [set])
    else known.push(set)
  }
  return [...sets].map(([to, list]) => ({ set: union(...list), to }))
}

function reaching(dfa: Dfa): Set<number> {
  const back: number[][] = dfa.states.map(() => [])
  for (const [from, { edges }] of dfa.states.entries()) for (const { to } of edges) back[to]?.push(from)
  const found = new Set<number>()
  const queue = [...dfa.states.keys()].filter((state) => dfa.states[state]?.accepts)
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (found.has(at)) continue
    found.add(at)
    queue.push(...(back[at] ?? []))
  }
  return found
}

/** Useful states that the start leads to, each after those that its edges lead to, as far as there is no cycle. */
export function fromTheEnds(dfa: Dfa, useful: ReadonlySet<number>): number[] {
  const order: number[] = []
  const seen = new Set([dfa.start])
  const path: { readonly state: number; next: number }[] = [{ state: dfa.start, next: 0 }]
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const edge = dfa.states[top.state]?.edges[top.next++]
    if (edge === undefined) {
      order.push(top.state)
      path.pop()
    } else if (!seen.has(edge.to) && useful.has(edge.to)) {
      seen.add(edge.to)
      path.push({ state: edge.to, next: 0 })
    }
  }
  return order
}

/** All texts, where there are no more than so many. */
export function textsWithin(dfa: Dfa, count: number): readonly string[] | undefined {
  if (isEmpty(dfa)) return []
  if ((spansOf(dfa)[dfa.start]?.most ?? 0) === Infinity) return undefined
  const found: string[] = []
  const waiting: (readonly [state: number, text: string])[] = [[dfa.start, '']]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [at, text] = next
    const state = dfa.states[at]
    if (state?.accepts) found.push(text)
    for (const { set, to } of state?.edges ?? []) {
      for (let index = 0; index < set.length; index += 2) {
        for (let code = set[index] ?? 0; code <= (set[index + 1] ?? 0); code++) {
          waiting.push([to, text + String.fromCodePoint(code)])
          // From each state a text can be reached, so what waits is at least one text each.
          if (found.length + waiting.length > count) return undefined
        }
      }
    }
  }
  return found.sort()
}

/** For each state the fewest and the most characters to an end; Infinity where there is a cycle on the way. */
export function spansOf(dfa: Dfa): readonly { readonly least: number; readonly most: number }[] {
  const all = new Set(dfa.states.keys())
  const order = isEmpty(dfa) ? [] : fromTheEnds(dfa, all)
  const place = new Map(order.map((state, index) => [state, index]))
  const most = dfa.states.map(({ accepts }): number => (accepts ? 0 : -1))
  for (const state of order) {
    for (const { to } of dfa.states[state]?.edges ?? []) {
      const isBack = (place.get(to) ?? 0) >= (place.get(state) ?? 0)
      most[state] = Math.max(most[state] ?? 0, isBack ? Infinity : 1 + (most[to] ?? 0))
    }
  }
  return leastOf(dfa).map((least, state) => ({ least, most: most[state] ?? 0 }))
}

function leastOf(dfa: Dfa): number[] {
  const back: number[][] = dfa.states.map(() => [])
  for (const [from, { edges }] of dfa.states.entries()) for (const { to } of edges) back[to]?.push(from)
  const least = dfa.states.map(({ accepts }) => (accepts ? 0 : Infinity))
  const queue = [...dfa.states.keys()].filter((state) => dfa.states[state]?.accepts)
  for (const state of queue) {
    for (const from of back[state] ?? []) {
      if ((least[from] ?? 0) !== Infinity) continue
      least[from] = 1 + (least[state] ?? 0)
      queue.push(from)
    }
  }
  return least
}

/** An automaton from a description of its states; equal keys are one state. Throws TooLarge. */
export function explore<State>(
  description: {
    readonly start: State
    key(state: State): string
    edges(state: State): readonly (readonly [CharSet, State])[]
    accepts(state: State): boolean
  },
  work: Work,
): Dfa {
  const ids = new Map<string, number>()
  const found: State[] = []
  const idOf = (state: State): number => {
    const key = description.key(state)
    const known = ids.get(key)
    if (known !== undefined) return known
    if (found.length >= 4 * LIMITS.states) throw new TooLarge()
    ids.set(key, found.length)
    return found.push(state) - 1
  }
  idOf(description.start)
  const states: DfaState[] = []
  for (const state of found) {
    const edges = description.edges(state).map(([set, next]) => ({ set, to: idOf(next) }))
    work.spend(1 + edges.length)
    states.push({ accepts: description.accepts(state), edges })
  }
  return tidy({ start: 0, states }, work)
}

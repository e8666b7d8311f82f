import { LIMITS } from './bounds.ts'
import { ALL_CHARS, type CharSet, complement, intersect, WORD_CHARS } from './chars.ts'
import { type Dfa, type DfaState, type Edge, TooLarge, tidy } from './dfa.ts'
import type { Work } from './outcome.ts'
import type { Assertion, Pattern } from './pattern.ts'

/**
 * From a pattern to an automaton: Thompson's construction, then the subset construction.
 *
 * DESIGN. An assertion is a jump that depends on what stands before and after it. The states of the deterministic
 * automaton therefore keep, beside the set of places, what the last character was; and what comes next is known
 * when an edge is made. JSON Schema searches a pattern anywhere in the text, so any text may stand before it and
 * after it; once a match is sure, everything is accepted and one state says so.
 */
type Before = 'start' | 'word' | 'other'
type Next = 'end' | 'word' | 'other'

/** Texts in which the pattern is found; `atStart`: found at the very start. Throws TooLarge. */
export function searchFor(pattern: Pattern, atStart: boolean, work: Work): Dfa {
  const nfa = new Nfa(work)
  const from = nfa.state()
  if (!atStart) nfa.edge(from, ALL_CHARS, from)
  const matched = nfa.state()
  nfa.edge(matched, ALL_CHARS, matched)
  nfa.jump(nfa.build(pattern, from), matched)
  return determined(nfa, from, matched, work)
}

class Nfa {
  readonly edges: { readonly set: CharSet; readonly to: number }[][] = []
  readonly jumps: { readonly to: number; readonly when: Assertion | undefined }[][] = []
  readonly #work: Work
  /** Whether it matters if characters are those of words. */
  words = false

  constructor(work: Work) {
    this.#work = work
  }

  state(): number {
    this.#work.spend(1)
    if (this.edges.length >= 4 * LIMITS.states) throw new TooLarge()
    this.jumps.push([])
    return this.edges.push([]) - 1
  }

  edge(from: number, set: CharSet, to: number): void {
    this.edges[from]?.push({ set, to })
  }

  jump(from: number, to: number, when?: Assertion): void {
    this.jumps[from]?.push({ to, when })
  }

  /** Adds the pattern after a state, and gives the state behind it. */
  build(pattern: Pattern, from: number): number {
    switch (pattern.type) {
      case 'chars': {
        const to = this.state()
        this.edge(from, pattern.set, to)
        return to
      }
      case 'sequence':
        return pattern.parts.reduce((at, part) => this.build(part, at), from)
      case 'choice': {
        const to = this.state()
        for (const option of pattern.options) this.jump(this.build(option, from), to)
        return to
      }
      case 'repeat':
        return this.#repeat(pattern.part, pattern.min, pattern.max, from)
      case 'assert': {
        const to = this.state()
        this.words ||= pattern.what === 'word' || pattern.what === 'not-word'
        this.jump(from, to, pattern.what)
        return to
      }
      case 'ahead':
        throw new Error('a lookahead is taken out of a pattern before it is built')
    }
  }

  #repeat(part: Pattern, min: number, max: number, from: number): number {
    let at = from
    for (let count = 0; count < min; count++) at = this.build(part, at)
    if (max === Infinity) {
      const loop = this.state()
      this.jump(at, loop)
      this.jump(this.build(part, loop), loop)
      return loop
    }
    const end = this.state()
    for (let count = min; count < max; count++) {
      this.jump(at, end)
      const begin = this.state()
      this.jump(at, begin)
      at = this.build(part, begin)
    }
    this.jump(at, end)
    return end
  }

  /** The places that can be reached without a character. */
  closure(core: readonly number[], before: Before, next: Next): Set<number> {
    const found = new Set(core)
    const queue = [...core]
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      this.#work.spend(1)
      for (const { to, when } of this.jumps[at] ?? []) {
        if (found.has(to) || (when !== undefined && !holds(when, before, next))) continue
        found.add(to)
        queue.push(to)
      }
    }
    return found
  }
}

function holds(what: Assertion, before: Before, next: Next): boolean {
  switch (what) {
    case 'start':
      return before === 'start'
    case 'end':
      return next === 'end'
    case 'word':
      return (before === 'word') !== (next === 'word')
    case 'not-word':
      return (before === 'word') === (next === 'word')
  }
}

interface Arc {
  readonly set: CharSet
  readonly to: number
}

function determined(nfa: Nfa, start: number, matched: number, work: Work): Dfa {
  const kinds: readonly (readonly [Next & Before, CharSet])[] = nfa.words
    ? [
        ['word', WORD_CHARS],
        ['other', complement(WORD_CHARS)],
      ]
    : [['other', ALL_CHARS]]
  const ids = new Map<string, number>()
  const found: { readonly core: readonly number[]; readonly before: Before }[] = []
  const idOf = (places: readonly number[], kind: Before): number => {
    const sure = places.includes(matched)
    const core = sure ? [matched] : places
    const before = sure ? 'other' : kind
    const key = `${before} ${core.join()}`
    const known = ids.get(key)
    if (known !== undefined) return known
    if (found.length >= LIMITS.states) throw new TooLarge()
    ids.set(key, found.length)
    return found.push({ core, before }) - 1
  }
  idOf([start], 'start')
  const states: DfaState[] = []
  for (let at = 0; at < found.length; at++) {
    const { core, before } = found[at] ?? { core: [], before: 'other' }
    const edges: Edge[] = []
    for (const [kind, among] of kinds) {
      const arcs: Arc[] = []
      for (const place of nfa.closure(core, before, kind)) {
        for (const { set, to } of nfa.edges[place] ?? []) {
          const part = nfa.words ? intersect(set, among) : set
          if (part.length > 0) arcs.push({ set: part, to })
        }
      }
      for (const { set, targets } of apart(arcs, work)) edges.push({ set, to: idOf(targets, kind) })
    }
    states.push({ accepts: nfa.closure(core, before, 'end').has(matched), edges })
  }
  return tidy({ start: 0, states }, work)
}

/** Cuts overlapping arcs into sets that do not overlap, each with all that it leads to, in ascending order. */
function apart(arcs: readonly Arc[], work: Work): { set: CharSet; targets: readonly number[] }[] {
  const turns: { readonly at: number; readonly to: number; readonly step: 1 | -1 }[] = []
  for (const { set, to } of arcs) {
    for (let index = 0; index < set.length; index += 2) {
      turns.push({ at: set[index] ?? 0, to, step: 1 }, { at: (set[index + 1] ?? 0) + 1, to, step: -1 })
    }
  }
  turns.sort((left, right) => left.at - right.at)
  work.spend(turns.length)
  const active = new Map<number, number>()
  const groups = new Map<string, { set: number[]; targets: readonly number[] }>()
  for (const [index, { at, to, step }] of turns.entries()) {
    active.set(to, (active.get(to) ?? 0) + step)
    if (active.get(to) === 0) active.delete(to)
    const end = turns[index + 1]?.at ?? at
    if (end === at || active.size === 0) continue
    const targets = [...active.keys()].sort((left, right) => left - right)
    work.spend(targets.length >> 3)
    const key = targets.join()
    const group = groups.get(key) ?? { set: [], targets }
    groups.set(key, group)
    if (group.set.at(-1) === at - 1) group.set[group.set.length - 1] = end - 1
    else group.set.push(at, end - 1)
  }
  return [...groups.values()]
}

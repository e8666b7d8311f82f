import { type CharSet, union } from './chars.ts'
import { type Dfa, type Edge, isEmpty, spansOf } from './dfa.ts'
import type { Work } from './outcome.ts'

/** Beyond so many states an automaton is left as it is: refining costs states times rounds. */
const MAX_STATES = 256

/**
 * The automaton with the fewest states for the same texts. What has no cycle is as small already as `tidy` makes it.
 * Source: Moore, Gedanken-experiments on sequential machines, 1956.
 */
export function minimal(dfa: Dfa, work: Work): Dfa {
  if (isEmpty(dfa) || dfa.states.length > MAX_STATES) return dfa
  if ((spansOf(dfa)[dfa.start]?.most ?? 0) < Infinity) return dfa
  const { states } = dfa
  let classes = states.map(({ accepts }): number => (accepts ? 1 : 0))
  for (let count = new Set(classes).size; ; ) {
    const ids = new Map<string, number>()
    const next = states.map(({ edges }, id): number => {
      work.spend(1 + 2 * edges.length)
      const onward = grouped(edges, classes).map(({ set, to }) => `${to}:${set.join()}`)
      const key = `${classes[id]} ${onward.sort().join(' ')}`
      const known = ids.get(key) ?? ids.size
      ids.set(key, known)
      return known
    })
    classes = next
    if (ids.size === count) break
    count = ids.size
  }
  if (new Set(classes).size === states.length) return dfa
  const examples: number[] = []
  for (const [id, own] of classes.entries()) examples[own] ??= id
  const merged = examples.map((id) => {
    return { accepts: states[id]?.accepts ?? false, edges: grouped(states[id]?.edges ?? [], classes) }
  })
  return { start: classes[dfa.start] ?? 0, states: merged }
}

/** Edges to classes of states, one for each class. */
function grouped(edges: readonly Edge[], classes: readonly number[]): Edge[] {
  const sets = new Map<number, CharSet[]>()
  for (const { set, to } of edges) {
    const own = classes[to] ?? 0
    const known = sets.get(own)
    if (known === undefined) sets.set(own, [set])
    else known.push(set)
  }
  return [...sets].map(([to, list]) => ({ set: union(...list), to }))
}

import type { Conjunction } from './document.ts'
import type { Work } from './outcome.ts'

/** Which schemas lead to one another. `cyclic`: this one leads back to itself. */
export interface Component {
  readonly id: number
  readonly cyclic: boolean
}

interface Visit {
  readonly node: Conjunction
  readonly children: readonly Conjunction[]
  next: number
  low: number
}

/** By key, all that the root leads to. Source: Tarjan, Depth-first search and linear graph algorithms, 1972. */
export function componentsOf(
  root: Conjunction,
  childrenOf: (node: Conjunction) => readonly Conjunction[],
  work: Work,
): ReadonlyMap<string, Component> {
  const found = new Map<string, Component>()
  const order = new Map<string, number>()
  const waiting: string[] = []
  const path: Visit[] = []
  const enter = (node: Conjunction): void => {
    const index = order.size
    work.spend(4)
    order.set(node.key, index)
    waiting.push(node.key)
    path.push({ node, children: childrenOf(node), next: 0, low: index })
  }
  enter(root)
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const child = top.children[top.next++]
    if (child !== undefined) {
      const seen = order.get(child.key)
      if (seen === undefined) enter(child)
      else if (!found.has(child.key)) top.low = Math.min(top.low, seen)
      continue
    }
    path.pop()
    const parent = path.at(-1)
    if (parent !== undefined) parent.low = Math.min(parent.low, top.low)
    if (top.low !== order.get(top.node.key)) continue
    const keys = waiting.splice(waiting.lastIndexOf(top.node.key))
    const { node, children } = top
    const cyclic = keys.length > 1 || children.some(({ key }) => key === node.key)
    const id = found.size
    for (const key of keys) found.set(key, { id, cyclic })
  }
  return found
}

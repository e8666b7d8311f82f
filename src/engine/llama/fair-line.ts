/**
 * A bounded line in which callers take turns: a caller with a hundred requests waits no less for its second than
 * another one for its first. Within a caller, first come, first served.
 */
export class FairLine<Item> {
  readonly #limit: number
  /** By caller, in the order of turns: who is served goes to the end. */
  readonly #callers = new Map<string, Item[]>()
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#length
  }

  /** False where the line is full. */
  add(caller: string, item: Item): boolean {
    if (this.#length >= this.#limit) return false
    const waiting = this.#callers.get(caller)
    if (waiting === undefined) this.#callers.set(caller, [item])
    else waiting.push(item)
    this.#length += 1
    return true
  }

  /** Whose turn it is; undefined where nobody waits. */
  take(): Item | undefined {
    for (const [caller, waiting] of this.#callers) {
      const item = waiting.shift()
      this.#callers.delete(caller)
      if (waiting.length > 0) this.#callers.set(caller, waiting)
      this.#length -= 1
      return item
    }
    return undefined
  }

  /** Takes out one that waits; undefined where none fits. */
  remove(fits: (item: Item) => boolean): Item | undefined {
    for (const [caller, waiting] of this.#callers) {
      const index = waiting.findIndex(fits)
      if (index === -1) continue
      const [item] = waiting.splice(index, 1)
      if (waiting.length === 0) this.#callers.delete(caller)
      this.#length -= 1
      return item
    }
    return undefined
  }
}

/**
 * DESIGN. A map whose values live for milliseconds, as those of requests under way do. Where a `Map` is rehashed, V8
 * links its old table to the new one. Once one of these tables has reached the old generation it keeps all that
 * follow it until the next full collection, and with them every value that stood there when it was given up: with 16
 * entries at a time about half of all values that ever passed through are promoted. Here the tables hold places, and
 * the values stand in an array that is never replaced by a copy of itself.
 */
export class BriefMap<Value> {
  readonly #places = new Map<string, number>()
  readonly #values: (Value | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.size
  }

  get(key: string): Value | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#values[place]
  }

  set(key: string, value: Value): void {
    const known = this.#places.get(key)
    const place = known ?? this.#free.pop() ?? this.#values.length
    if (known === undefined) this.#places.set(key, place)
    this.#values[place] = value
  }

  delete(key: string): void {
    const place = this.#places.get(key)
    if (place === undefined) return
    this.#places.delete(key)
    this.#values[place] = undefined
    this.#free.push(place)
  }

  clear(): void {
    this.#places.clear()
    this.#values.length = 0
    this.#free.length = 0
  }

  /** In the order in which the keys were set first. */
  *entries(): Generator<[string, Value]> {
    for (const key of this.#places.keys()) {
      const value = this.get(key)
      if (value !== undefined) yield [key, value]
    }
  }
}

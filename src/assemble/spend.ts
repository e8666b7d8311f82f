import type { Attempted, Settled, Stamped } from '../contract/entry.ts'

/**
 * What the log says was spent per engine since a day began, in micro-dollars. An attempt that was settled
 * counts its cost, or its whole hold where the cost is unknown; one that never was counts its whole hold: the
 * process died over it, and the engine may bill all of it.
 */
export class SpendFromLog {
  readonly #sinceMs: number
  readonly #open = new Map<string, Attempted>()
  readonly #spent = new Map<string, number>()

  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs
  }

  visit(entry: Stamped): void {
    if (entry.at < this.#sinceMs) return
    if (entry.type === 'attempt' && entry.heldMicros !== undefined) this.#open.set(turnOf(entry), entry)
    else if (entry.type === 'settled') this.#settle(entry)
  }

  byEngine(): ReadonlyMap<string, number> {
    for (const entry of this.#open.values()) this.#add(entry.engine, entry.heldMicros ?? 0)
    this.#open.clear()
    return this.#spent
  }

  #settle(entry: Settled): void {
    const attempt = this.#open.get(turnOf(entry))
    this.#open.delete(turnOf(entry))
    this.#add(entry.engine, entry.costMicros ?? attempt?.heldMicros ?? 0)
  }

  #add(engine: string, micros: number): void {
    this.#spent.set(engine, (this.#spent.get(engine) ?? 0) + micros)
  }
}

function turnOf(entry: Attempted | Settled): string {
  return `${entry.id}/${entry.turn}`
}

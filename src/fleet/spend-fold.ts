import * as z from 'zod'
import type { Settlement, Stamped } from '../contract/entry.ts'
import { dayOf } from '../lib/utc.ts'

const spendStateSchema = z.strictObject({
  /** Days since the epoch. */
  day: z.number(),
  spent: z.record(z.string(), z.number()),
  open: z.array(z.strictObject({ turn: z.string(), engine: z.string(), micros: z.number() })),
})

export type SpendState = z.infer<typeof spendStateSchema>

/**
 * What the log says was spent per engine on its newest day, in micro-dollars. An attempt that was settled counts
 * its cost, or its whole hold where the cost is unknown; one that never was counts its whole hold: the process
 * died over it, and the engine may bill all of it.
 */
export class SpendFold {
  #day = 0
  readonly #open = new Map<string, { engine: string; micros: number }>()
  readonly #spent = new Map<string, number>()

  /** Goes on from a state; throws where it is none. */
  constructor(state?: unknown) {
    if (state === undefined) return
    const { day, spent, open } = spendStateSchema.parse(state)
    this.#day = day
    for (const [engine, micros] of Object.entries(spent)) this.#spent.set(engine, micros)
    for (const { turn, engine, micros } of open) this.#open.set(turn, { engine, micros })
  }

  visit(entry: Stamped): void {
    this.#roll(entry.at)
    switch (entry.type) {
      case 'attempt':
        this.#settle(entry.id, entry.settled)
        if (entry.heldMicros !== undefined) {
          const { engine, heldMicros: micros } = entry
          this.#open.set(`${entry.id}/${entry.turn}`, { engine, micros })
        }
        break
      case 'settled':
        this.#settle(entry.id, [entry])
        break
      case 'closed':
        this.#settle(entry.id, entry.settled)
        break
      case 'started':
        this.#lose()
        break
    }
  }

  /** What was spent on the day of `nowMs`; whatever is still open was lost with its process. */
  byEngine(nowMs: number): ReadonlyMap<string, number> {
    this.#roll(nowMs)
    this.#lose()
    return this.#spent
  }

  /** As JSON may hold it. */
  state(): SpendState {
    const open = [...this.#open].map(([turn, held]) => ({ turn, ...held }))
    return { day: this.#day, spent: Object.fromEntries(this.#spent), open }
  }

  #settle(
    id: string,
    settled: readonly Pick<Settlement, 'turn' | 'engine' | 'costMicros'>[] | undefined,
  ): void {
    for (const { turn, engine, costMicros } of settled ?? []) {
      const held = this.#open.get(`${id}/${turn}`)
      this.#open.delete(`${id}/${turn}`)
      this.#add(engine, costMicros ?? held?.micros ?? 0)
    }
  }

  #lose(): void {
    for (const { engine, micros } of this.#open.values()) this.#add(engine, micros)
    this.#open.clear()
  }

  #roll(atMs: number): void {
    const day = dayOf(atMs)
    // A clock that was set back must not hand out a second cap for a day that has been spent.
    if (day <= this.#day) return
    this.#day = day
    this.#spent.clear()
  }

  #add(engine: string, micros: number): void {
    if (micros > 0) this.#spent.set(engine, (this.#spent.get(engine) ?? 0) + micros)
  }
}

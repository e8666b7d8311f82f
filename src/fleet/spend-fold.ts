import * as z from 'zod'
import type { Settlement, Stamped } from '../contract/entry.ts'
import { BriefMap } from '../lib/brief-map.ts'
import { dayOf } from '../lib/utc.ts'

const spendStateSchema = z.strictObject({
  /** Days since the epoch. */
  day: z.number(),
  spent: z.record(z.string(), z.number()),
  open: z.array(z.strictObject({ turn: z.string(), engine: z.string(), micros: z.number() })),
})

interface Held {
  readonly turn: number
  readonly engine: string
  readonly micros: number
}

export type SpendState = z.infer<typeof spendStateSchema>

/**
 * What the log says was spent per engine on its newest day, in micro-dollars. An attempt that was settled counts
 * its cost, or its whole hold where the cost is unknown; one that never was counts its whole hold: the process
 * died over it, and the engine may bill all of it.
 */
export class SpendFold {
  #day = 0
  /** By request. */
  readonly #open = new BriefMap<Held[]>()
  readonly #spent = new Map<string, number>()

  /** Goes on from a state; throws where it is none. */
  constructor(state?: unknown) {
    if (state === undefined) return
    const { day, spent, open } = spendStateSchema.parse(state)
    this.#day = day
    for (const [engine, micros] of Object.entries(spent)) this.#spent.set(engine, micros)
    for (const { turn, engine, micros } of open) {
      const slash = turn.lastIndexOf('/')
      this.#hold(turn.slice(0, slash), { turn: Number(turn.slice(slash + 1)), engine, micros })
    }
  }

  visit(entry: Stamped): void {
    this.#roll(entry.at)
    switch (entry.type) {
      case 'attempt':
        this.#settle(entry.id, entry.settled)
        if (entry.heldMicros !== undefined) {
          const { turn, engine, heldMicros: micros } = entry
          this.#hold(entry.id, { turn, engine, micros })
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
    const open: SpendState['open'] = []
    for (const [id, turns] of this.#open.entries()) {
      for (const { turn, engine, micros } of turns) open.push({ turn: `${id}/${turn}`, engine, micros })
    }
    return { day: this.#day, spent: Object.fromEntries(this.#spent), open }
  }

  #hold(id: string, held: Held): void {
    const turns = this.#open.get(id)
    if (turns === undefined) this.#open.set(id, [held])
    else turns.push(held)
  }

  #settle(
    id: string,
    settled: readonly Pick<Settlement, 'turn' | 'engine' | 'costMicros'>[] | undefined,
  ): void {
    if (settled === undefined) return
    const turns = this.#open.get(id)
    for (const { turn, engine, costMicros } of settled) {
      const place = turns?.findIndex((held) => held.turn === turn) ?? -1
      const held = place === -1 ? undefined : turns?.splice(place, 1)[0]
      this.#add(engine, costMicros ?? held?.micros ?? 0)
    }
    if (turns?.length === 0) this.#open.delete(id)
  }

  #lose(): void {
    for (const [, turns] of this.#open.entries()) {
      for (const { engine, micros } of turns) this.#add(engine, micros)
    }
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

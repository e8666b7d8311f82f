import * as z from 'zod'
import type { ForgetBegun, Stamped } from '../../contract/entry.ts'

const begunSchema = z.strictObject({
  type: z.literal('forget-begun'),
  id: z.string(),
  collection: z.string(),
  origin: z.number().int(),
  by: z.string(),
})

/** Forgettings that have begun and are not done: what a crash broke off, the next start ends. */
export class ForgettingFold {
  readonly #open = new Map<string, ForgetBegun>()

  /** Goes on from a state; throws where it is none. */
  constructor(state?: unknown) {
    if (state === undefined) return
    for (const begun of z.array(begunSchema).parse(state)) this.#open.set(begun.id, begun)
  }

  visit(entry: Stamped): void {
    if (entry.type === 'forget-begun') {
      const { type, id, collection, origin, by } = entry
      this.#open.set(id, { type, id, collection, origin, by })
    } else if (entry.type === 'forget-done') this.#open.delete(entry.id)
  }

  /** As JSON may hold it. */
  state(): readonly ForgetBegun[] {
    return [...this.#open.values()]
  }
}

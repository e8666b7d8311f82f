import * as z from 'zod'
import type { ErasureBegun, Stamped } from '../contract/entry.ts'

const begunSchema = z.strictObject({
  type: z.literal('erasure-begun'),
  id: z.string(),
  subject: z.string(),
  by: z.string(),
})

/** Erasures that have begun and are not done: what a crash broke off, the next start ends. */
export class ErasingFold {
  readonly #open = new Map<string, ErasureBegun>()

  /** Goes on from a state; throws where it is none. */
  constructor(state?: unknown) {
    if (state === undefined) return
    for (const begun of z.array(begunSchema).parse(state)) this.#open.set(begun.id, begun)
  }

  visit(entry: Stamped): void {
    if (entry.type === 'erasure-begun') {
      const { type, id, subject, by } = entry
      this.#open.set(id, { type, id, subject, by })
    } else if (entry.type === 'erasure-done') this.#open.delete(entry.id)
  }

  /** As JSON may hold it. */
  state(): readonly ErasureBegun[] {
    return [...this.#open.values()]
  }
}

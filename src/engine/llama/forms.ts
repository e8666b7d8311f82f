import type { Compiled, Refused } from './grammar/outcome.ts'
import { compileReply, type Formed } from './grammar/reply.ts'

/** Forms whose grammars are kept: requests of one kind bring the same schema again and again. */
const KEPT_MAX = 64

/** The grammars of what requests ask for, each compiled once. */
export class Forms {
  readonly #kept = new Map<string, Compiled | Refused | undefined>()

  /** Undefined where the answer may have any form. */
  of(form: Formed): Compiled | Refused | undefined {
    const key = JSON.stringify(form)
    if (this.#kept.has(key)) return this.#kept.get(key)
    const compiled = compileReply(form)
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear()
    this.#kept.set(key, compiled)
    return compiled
  }
}

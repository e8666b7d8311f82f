import { checkPrior, DEFAULT_PRIOR, openPrior } from '../default-prior.ts'
import { type Fault, isFault } from '../learn/packing.ts'
import type { Prior } from '../learn/prior.ts'
import type { Expected } from './plan.ts'

/** `unread`: nobody has needed it yet, and it takes no memory. */
export type PriorState = { readonly type: 'unread' } | { readonly type: 'ready' } | Fault

/**
 * The prior that decisions go by, read when it is first asked for (a tenth of a second, 17 MB). One that cannot be used
 * is said to be so, once; then points of difficulty decide until another configuration comes.
 */
export class UsedPrior {
  readonly #warn: (message: string) => void
  #file: URL | string = DEFAULT_PRIOR
  #prior: Prior | Fault | undefined

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  /** Goes by another file from now on; undefined: by the prior that ships. A file with a fault is tried again. */
  use(named: string | undefined): void {
    const file = named ?? DEFAULT_PRIOR
    const stays = String(file) === String(this.#file) && this.#prior !== undefined && !isFault(this.#prior)
    this.#file = file
    if (!stays) this.#prior = undefined
  }

  /** Undefined where there is no prior to go by. */
  expect(text: string): Expected | undefined {
    const prior = this.#read()
    return isFault(prior) ? undefined : prior.decide(text)
  }

  /** Whether there is one to go by; reads it where nobody has. */
  get usable(): boolean {
    return !isFault(this.#read())
  }

  /** What is known of it; reads nothing. */
  get state(): PriorState {
    if (this.#prior === undefined) return { type: 'unread' }
    return isFault(this.#prior) ? this.#prior : { type: 'ready' }
  }

  /** Whether the file could be used; where nobody has read it, its checksum is looked at and nothing is kept. */
  check(): { readonly file: string } | Fault {
    const file = this.#file instanceof URL ? this.#file.pathname : this.#file
    const known = this.#prior ?? checkPrior(this.#file)
    return known !== undefined && isFault(known) ? known : { file }
  }

  #read(): Prior | Fault {
    if (this.#prior !== undefined) return this.#prior
    this.#prior = openPrior(this.#file)
    if (isFault(this.#prior)) {
      this.#warn(
        `Routing has no prior, and points of difficulty decide what \`auto\` is: ${this.#prior.why}. \`upshift doctor\` says what to do.`,
      )
    }
    return this.#prior
  }
}

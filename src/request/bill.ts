/**
 * What the turns of one request cost together, in micro-dollars. A turn whose cost nobody knows (an unpriced
 * model, an engine that reported no usage) makes the sum unknown: a figure that is too low is not shown.
 */
export class Bill {
  #sumMicros = 0
  #unknown = false

  add(costMicros: number | undefined): void {
    if (costMicros === undefined) this.#unknown = true
    else this.#sumMicros += costMicros
  }

  /** The field of a terminal event: absent where the sum is unknown. */
  total(): { readonly costMicros?: number } {
    return this.#unknown ? {} : { costMicros: this.#sumMicros }
  }
}

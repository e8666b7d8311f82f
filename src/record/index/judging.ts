/**
 * Judgements that the projections may not hold yet, by the request that they are of: whoever counts what is kept adds
 * these, or many that come at once pass any bound.
 */
export class Judging {
  readonly #counts = new Map<string, number>()

  of(request: string): number {
    return this.#counts.get(request) ?? 0
  }

  /** Counts one more, until `known` is settled. */
  count(request: string, known: Promise<unknown>): void {
    this.#counts.set(request, this.of(request) + 1)
    const settled = (): void => {
      const left = this.of(request) - 1
      if (left > 0) this.#counts.set(request, left)
      else this.#counts.delete(request)
    }
    known.then(settled, settled)
  }
}

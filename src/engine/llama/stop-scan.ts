/**
 * Finds stop sequences in text that comes in pieces. What may be the beginning of one is kept back, and given out
 * once it cannot be any more; the sequence itself and what follows it are never given out.
 */
export class StopScan {
  readonly #stops: readonly string[]
  #held = ''

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '')
  }

  push(text: string): { readonly text: string; readonly stopped: boolean } {
    if (this.#stops.length === 0) return { text, stopped: false }
    const all = this.#held + text
    const found = this.#stops.map((stop) => all.indexOf(stop)).filter((index) => index !== -1)
    if (found.length > 0) {
      this.#held = ''
      return { text: all.slice(0, Math.min(...found)), stopped: true }
    }
    const kept = Math.max(...this.#stops.map((stop) => forming(all, stop)))
    this.#held = all.slice(all.length - kept)
    return { text: all.slice(0, all.length - kept), stopped: false }
  }

  /** What was kept back for a sequence that did not come. */
  rest(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}

/** Length of the longest end of `text` with which `stop` begins. */
function forming(text: string, stop: string): number {
  for (let length = Math.min(stop.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length
  }
  return 0
}

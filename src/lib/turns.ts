/** Work that must not overlap: one at a time, in the order of asking, and at most `waitingLimit` behind it. */
export class Turns {
  readonly #waitingLimit: number
  #last: Promise<void> = Promise.resolve()
  #taken = 0

  constructor(waitingLimit: number) {
    this.#waitingLimit = waitingLimit
  }

  /** True while no more may wait: whoever asks now must be refused. */
  get full(): boolean {
    return this.#taken > this.#waitingLimit
  }

  /** Resolves when everything that asked before has ended; disposing ends this turn. Throws where `full`. */
  enter(): Promise<Disposable> {
    if (this.full) throw new Error(`more than ${this.#waitingLimit} wait for their turn: look at full before`)
    this.#taken += 1
    const ended = Promise.withResolvers<void>()
    const before = this.#last
    this.#last = ended.promise
    const end = (): void => {
      this.#taken -= 1
      ended.resolve()
    }
    return before.then(() => ({ [Symbol.dispose]: once(end) }))
  }

  /** Runs `work` in its turn, which ends with it, however it ends. Throws where `full`. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const entering = this.enter()
    return (async () => {
      using _turn = await entering
      return await work()
    })()
  }
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}

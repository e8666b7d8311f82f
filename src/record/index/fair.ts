import { type Refusal, refuse } from '../../contract/problem.ts'

const ASK_AGAIN_MS = 1_000

/** Lets a key have so many questions under way and no more, so that none keeps the others from an answer. */
export class Fair {
  readonly #most: number
  readonly #asking = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Refuses with `queue_full`. */
  async ask<Value>(key: string, question: () => Promise<Value>): Promise<Value | Refusal> {
    const now = this.#asking.get(key) ?? 0
    if (now >= this.#most) {
      const message = `The key ${key} has ${now} questions under way, as many as it may. Wait until one is answered.`
      return refuse('queue_full', message, { retryAfterMs: ASK_AGAIN_MS })
    }
    this.#asking.set(key, now + 1)
    try {
      return await question()
    } finally {
      const left = (this.#asking.get(key) ?? 1) - 1
      if (left > 0) this.#asking.set(key, left)
      else this.#asking.delete(key)
    }
  }
}

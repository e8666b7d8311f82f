const OPEN = '<think>'
const SHUT = '</think>'

export interface Parted {
  readonly reasoning: string
  readonly content: string
}

/**
 * Parts what a model thinks aloud from its answer, in pieces as they come. Only an answer that begins with `<think>`
 * holds a thought: the words may stand in any text.
 */
export class ThoughtSplit {
  #held = ''
  #state: 'start' | 'thinking' | 'answering'

  /** `begun`: the answer has begun already, and what comes is no thought. */
  constructor(begun: boolean) {
    this.#state = begun ? 'answering' : 'start'
  }

  push(text: string): Parted {
    if (this.#state === 'answering') return { reasoning: '', content: text }
    const all = this.#held + text
    this.#held = ''
    return this.#state === 'start' ? this.#begin(all) : this.#think(all)
  }

  rest(): Parted {
    const held = this.#held
    this.#held = ''
    return this.#state === 'thinking' ? { reasoning: held, content: '' } : { reasoning: '', content: held }
  }

  #begin(all: string): Parted {
    const text = all.trimStart()
    if (text.startsWith(OPEN)) {
      this.#state = 'thinking'
      return this.#think(text.slice(OPEN.length))
    }
    if (OPEN.startsWith(text)) {
      this.#held = all
      return { reasoning: '', content: '' }
    }
    this.#state = 'answering'
    return { reasoning: '', content: all }
  }

  #think(all: string): Parted {
    const end = all.indexOf(SHUT)
    if (end !== -1) {
      this.#state = 'answering'
      return { reasoning: all.slice(0, end), content: all.slice(end + SHUT.length).trimStart() }
    }
    let kept = Math.min(SHUT.length - 1, all.length)
    while (!SHUT.startsWith(all.slice(all.length - kept))) kept -= 1
    this.#held = all.slice(all.length - kept)
    return { reasoning: all.slice(0, all.length - kept), content: '' }
  }
}

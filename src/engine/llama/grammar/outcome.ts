import { type GrammarBounds, LIMITS } from './bounds.ts'

/** A keyword, where it stands (a JSON Pointer, RFC 6901), and what there is to say about it, as a sentence. */
export interface Finding {
  readonly keyword: string
  readonly pointer: string
  readonly why: string
}

/**
 * `gbnf` is a grammar in llama.cpp's form whose root rule is `root`. `checked` are the keywords that it does not
 * enforce wholly: where there are any, a validator must see the output. `longest` is the most code points that an
 * output can have; Infinity only where free text is allowed beside tool calls. `bounds` are those that were used.
 */
export interface Compiled {
  readonly type: 'compiled'
  readonly gbnf: string
  readonly checked: readonly Finding[]
  readonly longest: number
  readonly bounds: GrammarBounds
}

/** There is no grammar: the schema allows no value, is no schema, or costs more than LIMITS allow. */
export interface Refused extends Finding {
  readonly type: 'refused'
}

/** How a compilation is given up from deep inside; `compileSchema` turns it into a value. */
export class GivenUp extends Error {
  readonly finding: Finding
  /** Tighter bounds may help. */
  readonly size: boolean

  constructor(finding: Finding, size = false) {
    super(finding.why)
    this.finding = finding
    this.size = size
  }
}

/** Counts what a compilation costs, in steps of about the same price. */
export class Work {
  #left: number = LIMITS.steps

  /** Throws GivenUp once all steps are spent. */
  spend(steps: number): void {
    this.#left -= steps
    if (this.#left >= 0) return
    const why = `the schema takes more than ${LIMITS.steps} steps to compile: make it smaller, or split it`
    throw new GivenUp({ keyword: '$schema', pointer: '', why }, true)
  }
}

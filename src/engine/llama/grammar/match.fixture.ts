import { getLlama, type Llama, LlamaGrammar, LlamaLogLevel } from 'node-llama-cpp'

/** llama.cpp itself, without a model: whether it reads a grammar, and what the grammar takes. */
export class Matcher implements AsyncDisposable {
  readonly #llama: Llama

  private constructor(llama: Llama) {
    this.#llama = llama
  }

  static async open(): Promise<Matcher> {
    return new Matcher(
      await getLlama({ gpu: false, build: 'never', maxThreads: 1, logLevel: LlamaLogLevel.disabled }),
    )
  }

  /** Throws where llama.cpp cannot read the grammar. The result says whether it takes a whole text. */
  read(gbnf: string): (text: string) => boolean {
    // The library keeps the test of a whole text to itself: its type does not have it.
    const grammar = new LlamaGrammar(this.#llama, { grammar: gbnf }) as LlamaGrammar & {
      _testText(text: string): boolean
    }
    return (text) => grammar._testText(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#llama.dispose()
  }
}

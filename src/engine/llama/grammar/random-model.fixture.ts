import {
  type Llama,
  type LlamaContext,
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
  TokenBias,
} from 'node-llama-cpp'
import { OverlongGuard } from './overlong.ts'

export interface Said {
  readonly text: string
  readonly tokens: number
  /** The model ended it; else it was cut off. */
  readonly ended: boolean
}

const CONTEXT_TOKENS = 2_048

/** A model that says, at temperature 1, whatever a grammar lets it. */
export class RandomModel implements AsyncDisposable {
  readonly #llama: Llama
  readonly #model: LlamaModel
  readonly #context: LlamaContext
  readonly #sequence: ReturnType<LlamaContext['getSequence']>
  readonly #guard: OverlongGuard
  readonly #none: TokenBias
  readonly #biases = new Map<readonly number[], TokenBias>()

  private constructor(llama: Llama, model: LlamaModel, context: LlamaContext) {
    this.#llama = llama
    this.#model = model
    this.#context = context
    this.#sequence = context.getSequence()
    const tokens = model.fileInfo.metadata.tokenizer.ggml.tokens
    this.#guard = new OverlongGuard(tokens, 'bytes')
    this.#none = new TokenBias(model.tokenizer)
  }

  static async load(llama: Llama, path: string): Promise<RandomModel> {
    const model = await llama.loadModel({ modelPath: path })
    return new RandomModel(llama, model, await model.createContext({ contextSize: CONTEXT_TOKENS }))
  }

  /** Throws where llama.cpp does not take it. */
  grammar(gbnf: string): LlamaGrammar {
    return new LlamaGrammar(this.#llama, { grammar: gbnf })
  }

  /** `grammar` undefined: nothing holds the model back. `topK` 0: every token may be said. */
  async say(grammar: LlamaGrammar | undefined, seed: number, maxTokens: number, topK = 0): Promise<Said> {
    await this.#sequence.clearHistory()
    const state =
      grammar === undefined ? undefined : new LlamaGrammarEvaluationState({ model: this.#model, grammar })
    const said: Token[] = []
    const options = {
      temperature: 1,
      topK,
      topP: 1,
      seed: seed >>> 0,
      tokenBias: () => this.#biasAfter(said.at(-1)),
      ...(state === undefined ? {} : { grammarEvaluationState: state }),
    }
    let ended = true
    for await (const token of this.#sequence.evaluate(this.#model.tokenize('hello world'), options)) {
      said.push(token)
      if (said.length < maxTokens) continue
      ended = false
      break
    }
    // With the texts of special tokens, because the grammar reads those too.
    return { text: this.#model.detokenize(said, true), tokens: said.length, ended }
  }

  #biasAfter(token: Token | undefined): TokenBias {
    const banned = this.#guard.after(token)
    if (banned.length === 0) return this.#none
    const known = this.#biases.get(banned)
    if (known !== undefined) return known
    const bias = new TokenBias(this.#model.tokenizer)
    // A vocabulary's own number is what a Token is.
    for (const one of banned) bias.set(one as Token, 'never')
    this.#biases.set(banned, bias)
    return bias
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.dispose()
    await this.#model.dispose()
  }
}

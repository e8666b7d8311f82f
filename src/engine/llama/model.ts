import {
  getLlama,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp'
import { PromptWriter } from './prompt.ts'
import type { LoadOptions, ModelFacts, Sampling } from './protocol.ts'
import { SlotTable } from './slots.ts'
import { TokenBytes } from './token-text.ts'

/** Compiled grammars that are kept: requests of one kind bring the same schema again and again. */
const GRAMMARS_MAX = 32

/** A model in memory, with a context of so many sequences. */
export class LoadedModel implements AsyncDisposable {
  readonly model: LlamaModel
  readonly bytes: TokenBytes
  readonly prompts: PromptWriter
  readonly slots: SlotTable<LlamaContextSequence>
  readonly context: LlamaContext
  readonly #llama: Llama
  readonly #grammars = new Map<string, LlamaGrammar>()

  private constructor(llama: Llama, model: LlamaModel, context: LlamaContext, slots: number) {
    this.#llama = llama
    this.model = model
    this.bytes = new TokenBytes(model)
    this.context = context
    this.prompts = new PromptWriter(model)
    this.slots = new SlotTable(Array.from({ length: slots }, () => context.getSequence()))
  }

  /** Throws where llama.cpp cannot read the file or has not enough memory for it. */
  static async load(options: LoadOptions): Promise<LoadedModel> {
    const { threads, slots, contextTokens } = options
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      skipDownload: true,
      // More threads than free cores, and they wait for each other: 1 token a second instead of hundreds.
      maxThreads: threads,
      logLevel: LlamaLogLevel.error,
    })
    const model = await llama.loadModel({ modelPath: options.path })
    const context = await model.createContext({ contextSize: contextTokens, sequences: slots, threads })
    return new LoadedModel(llama, model, context, slots)
  }

  get facts(): ModelFacts {
    return {
      contextTokens: this.context.contextSize,
      trainedTokens: this.model.trainContextSize,
      slots: this.slots.slots.length,
      templateMissing: this.prompts.templateMissing,
    }
  }

  /** The build of llama.cpp: another one may write states of sequences in another form. */
  get release(): string {
    return this.#llama.llamaCppRelease.release
  }

  /** What of a bias cannot be done, in words; undefined where all of it can. */
  biasFault({ logitBias }: Sampling): string | undefined {
    for (const [id] of logitBias) {
      if (id >= this.bytes.size) {
        return `logit_bias names the token ${id}, and this model has the tokens 0 to ${this.bytes.size - 1}.`
      }
      // Token ids are numbers on the wire; the library brands them, and drops a bias of these unseen.
      if (this.model.isEogToken(id as Token)) {
        return `logit_bias names the token ${id}, which ends an answer: its likelihood cannot be changed. Limit the answer with max_tokens instead.`
      }
    }
    return undefined
  }

  /** A fresh state of a grammar. Throws where llama.cpp does not take it. */
  grammar(text: string): LlamaGrammarEvaluationState {
    let grammar = this.#grammars.get(text)
    if (grammar === undefined) {
      grammar = new LlamaGrammar(this.#llama, { grammar: text })
      if (this.#grammars.size >= GRAMMARS_MAX) this.#grammars.clear()
      this.#grammars.set(text, grammar)
    }
    return new LlamaGrammarEvaluationState({ model: this.model, grammar })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#llama.dispose()
  }
}

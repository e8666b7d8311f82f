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
import { OverlongGuard } from './grammar/overlong.ts'
import { PromptWriter } from './prompt.ts'
import type { LoadOptions, ModelFacts, Sampling } from './protocol.ts'
import { SlotTable } from './slots.ts'
import { TokenBytes } from './token-text.ts'

/** Compiled grammars that are kept: requests of one kind bring the same schema again and again. */
const GRAMMARS_MAX = 32

/** A model in memory, without a context yet. */
export interface OpenLlama {
  readonly llama: Llama
  readonly model: LlamaModel
}

/** Throws where llama.cpp cannot read the file or has not enough memory for it. */
export async function openModel({ gpu, path, threads }: LoadOptions): Promise<OpenLlama> {
  const llama = await getLlama({
    gpu: gpu === 'off' ? false : gpu,
    build: 'never',
    skipDownload: true,
    // More threads than free cores, and they wait for each other: 1 token a second instead of hundreds.
    maxThreads: threads,
    logLevel: LlamaLogLevel.error,
  })
  return { llama, model: await llama.loadModel({ modelPath: path }) }
}

/** A model in memory, with a context of so many sequences. */
export class LoadedModel implements AsyncDisposable {
  readonly model: LlamaModel
  readonly bytes: TokenBytes
  readonly prompts: PromptWriter
  readonly slots: SlotTable<LlamaContextSequence>
  readonly context: LlamaContext
  readonly #llama: Llama
  #overlong: OverlongGuard | undefined
  #controls: readonly Token[] | undefined
  readonly #grammars = new Map<string, LlamaGrammar>()

  private constructor(llama: Llama, model: LlamaModel, context: LlamaContext, slots: number) {
    this.#llama = llama
    this.model = model
    this.bytes = new TokenBytes(model)
    this.context = context
    this.prompts = new PromptWriter(model)
    this.slots = new SlotTable(Array.from({ length: slots }, () => context.getSequence()))
  }

  /** Throws where there is not enough memory for the context. */
  static async load({ llama, model }: OpenLlama, options: LoadOptions): Promise<LoadedModel> {
    const { threads, slots, contextTokens } = options
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

  /** What must not follow a token under a grammar; made when the first grammar comes, since it reads the vocabulary. */
  get overlong(): OverlongGuard {
    const { model, tokens } = this.model.fileInfo.metadata.tokenizer.ggml
    this.#overlong ??= new OverlongGuard(tokens, model === 'gpt2' ? 'bytes' : 'pieces')
    return this.#overlong
  }

  /** Control tokens that end nothing: a grammar reads them as their letters, and an answer shows nothing of them. */
  get controls(): readonly Token[] {
    this.#controls ??= [...this.model.iterateAllTokens()].filter(
      (token) => this.model.getTokenAttributes(token).control && !this.model.isEogToken(token),
    )
    return this.#controls
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

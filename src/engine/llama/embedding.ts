import type { LlamaEmbeddingContext, Token } from 'node-llama-cpp'
import type { EmbedInput } from '../../contract/embed.ts'
import type { OpenLlama } from './model.ts'
import type { EmbedJob, FromChild, Gauges, LoadOptions, ModelFacts } from './protocol.ts'

interface Counted {
  requests: number
  promptTokens: number
}

/**
 * A model that embeds, in memory: one text after another, since each fills the context. What waits is bounded, and
 * who has left is passed over between two texts.
 */
export class Embedding {
  readonly #open: OpenLlama
  readonly #context: LlamaEmbeddingContext
  readonly #options: LoadOptions
  readonly #tell: (message: FromChild) => void
  readonly #waiting: EmbedJob[] = []
  readonly #counted: Counted = { requests: 0, promptTokens: 0 }
  #running: string | undefined
  #cancelled = false

  private constructor(
    open: OpenLlama,
    context: LlamaEmbeddingContext,
    options: LoadOptions,
    tell: (message: FromChild) => void,
  ) {
    this.#open = open
    this.#context = context
    this.#options = options
    this.#tell = tell
  }

  static async load(
    open: OpenLlama,
    options: LoadOptions,
    tell: (message: FromChild) => void,
  ): Promise<Embedding> {
    const { contextTokens, threads } = options
    const context = await open.model.createEmbeddingContext({
      contextSize: contextTokens,
      batchSize: contextTokens,
      threads,
    })
    return new Embedding(open, context, options, tell)
  }

  get facts(): ModelFacts {
    const { trainContextSize: trainedTokens } = this.#open.model
    return { contextTokens: this.#options.contextTokens, trainedTokens, slots: 1, templateMissing: false }
  }

  get gauges(): Gauges {
    const none = { kvTokens: 0, cachedTokens: 0, completionTokens: 0, evictions: 0, waitMs: 0 }
    return {
      ...none,
      slots: 1,
      running: this.#running === undefined ? 0 : 1,
      waiting: this.#waiting.length,
      kvCapacityTokens: this.#options.contextTokens,
      ...this.#counted,
      warmLoads: 0,
      warmSaves: 0,
      warmBytes: 0,
    }
  }

  submit(job: EmbedJob): void {
    if (this.#waiting.length >= this.#options.queueLimit) {
      const message = `${this.#waiting.length} requests wait for this model, and no more may (llama.queueLimit). Try again later.`
      this.#tell({ type: 'refused', id: job.id, code: 'queue_full', message, retryAfterMs: 1_000 })
      return
    }
    this.#waiting.push(job)
    if (this.#running === undefined) void this.#work()
  }

  cancel(id: string): void {
    if (this.#running === id) this.#cancelled = true
    const index = this.#waiting.findIndex((job) => job.id === id)
    if (index !== -1) this.#waiting.splice(index, 1)
  }

  /** It keeps no text: each one takes the place of the one before. */
  async forget(): Promise<void> {}

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      this.#running = job.id
      this.#cancelled = false
      this.#tell({ type: 'begun', id: job.id })
      this.#tell(await this.#answer(job))
      this.#running = undefined
    }
  }

  async #answer({ id, inputs }: EmbedJob): Promise<FromChild> {
    const texts = inputs.map((input) => this.#tokens(input))
    const longest = Math.max(...texts.map((tokens) => this.#context.calculateInputLength(tokens)))
    const { contextTokens } = this.#options
    if (longest > contextTokens) {
      const message = `An input has ${longest} tokens, and the model is loaded with a context of ${contextTokens}. Shorten it, or raise llama.contextTokens.`
      return { type: 'refused', id, code: 'context_length_exceeded', message, param: 'input' }
    }
    const vectors: Float32Array[] = []
    let promptTokens = 0
    try {
      for (const tokens of texts) {
        if (this.#cancelled) break
        const { vector } = await this.#context.getEmbeddingFor(tokens)
        vectors.push(unit(vector))
        promptTokens += tokens.length
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return { type: 'refused', id, code: 'upstream_failed', message: `llama.cpp: ${why}` }
    }
    this.#counted.requests += 1
    this.#counted.promptTokens += promptTokens
    return { type: 'embedded', id, vectors, promptTokens }
  }

  #tokens(input: EmbedInput): Token[] {
    // Token ids are numbers on the wire; the library brands them.
    return typeof input === 'string' ? this.#open.model.tokenize(input) : input.map((id) => id as Token)
  }
}

/** Of length one, as OpenAI's are: then a dot product is the cosine. A vector of zeros stays as it is. */
function unit(vector: readonly number[]): Float32Array {
  const length = Math.hypot(...vector)
  return Float32Array.from(vector, (value) => (length === 0 ? 0 : value / length))
}

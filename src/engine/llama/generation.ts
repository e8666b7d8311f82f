import {
  type LlamaContextSequence,
  type SequenceEvaluateOptions,
  type Token,
  TokenBias,
} from 'node-llama-cpp'
import { logprobsOf, type Probabilities } from './logprobs.ts'
import type { LoadedModel } from './model.ts'
import type { EndReason, Job, Piece, Sampling, TokenLogprob } from './protocol.ts'
import { StopScan } from './stop-scan.ts'
import { TokenText } from './token-text.ts'

const BANNED = -100

/** One answer, token by token, from a prompt that stands in the sequence but for its last token. */
export class Generation {
  readonly #model: LoadedModel
  readonly #job: Job
  readonly #grammar: string | undefined
  readonly #stops: StopScan
  readonly #text: TokenText
  readonly #said: Token[] = []
  readonly #biases = new Map<readonly number[], TokenBias>()
  #logprobs: TokenLogprob[] = []
  /** The caller has left. Looked at with each token. */
  cancelled = false

  /** `grammar`: GBNF that the answer follows; undefined where it may have any form. */
  constructor(model: LoadedModel, job: Job, grammar: string | undefined) {
    this.#model = model
    this.#job = job
    this.#grammar = grammar
    this.#stops = new StopScan(job.stop)
    this.#text = new TokenText(model.model, model.bytes)
  }

  get completionTokens(): number {
    return this.#said.length
  }

  /** Yields each piece of text as it is safe to give out; returns why it ended. */
  async *run(sequence: LlamaContextSequence, last: Token, room: number): AsyncGenerator<Piece, EndReason> {
    const limit = Math.min(this.#job.maxTokens, room)
    const { logprobs: wanted, sampling } = this.#job
    const tokens = tokensOf(sequence, last, wanted !== undefined, this.#options(limit))
    for await (const { token, probabilities } of tokens) {
      if (this.cancelled) return 'cancelled'
      this.#said.push(token)
      if (wanted !== undefined) {
        this.#logprobs.push(logprobsOf(token, probabilities, wanted, sampling.temperature, this.#model.bytes))
      }
      const { text, stopped } = this.#stops.push(this.#text.push(token))
      if (text !== '') yield this.#piece(text)
      if (stopped) return 'stop'
      if (this.#said.length >= limit) return yield* this.#end('length')
    }
    return yield* this.#end(this.cancelled ? 'cancelled' : 'stop')
  }

  *#end(reason: EndReason): Generator<Piece, EndReason> {
    const { text, stopped } = this.#stops.push(this.#text.rest())
    const all = stopped ? text : text + this.#stops.rest()
    if (all !== '' || this.#logprobs.length > 0) yield this.#piece(all)
    return stopped ? 'stop' : reason
  }

  #piece(text: string): Piece {
    if (this.#logprobs.length === 0) return { text }
    const logprobs = this.#logprobs
    this.#logprobs = []
    return { text, logprobs }
  }

  #options(limit: number): SequenceEvaluateOptions {
    const { sampling } = this.#job
    const grammar = this.#grammar
    const said = this.#said
    const { temperature, topP, topK, minP, seed } = sampling
    return {
      temperature,
      topP,
      topK,
      minP,
      seed,
      ...(penalises(sampling)
        ? {
            repeatPenalty: {
              penalty: sampling.repeatPenalty,
              frequencyPenalty: sampling.frequencyPenalty,
              presencePenalty: sampling.presencePenalty,
              punishTokens: () => said,
              // llama.cpp sets aside memory for so many.
              maxPunishTokens: limit,
            },
          }
        : {}),
      ...(grammar === undefined
        ? sampling.logitBias.length === 0
          ? {}
          : { tokenBias: this.#bias(sampling, []) }
        : {
            tokenBias: () => this.#biasAfter(sampling),
            grammarEvaluationState: this.#model.grammar(grammar),
          }),
    }
  }

  /** A grammar takes bytes that no text may hold: they are kept from being said where they would make one. */
  #biasAfter(sampling: Sampling): TokenBias {
    const banned = this.#model.overlong.after(this.#said.at(-1))
    let bias = this.#biases.get(banned)
    if (bias === undefined) {
      bias = this.#bias(sampling, [...banned, ...this.#model.controls])
      this.#biases.set(banned, bias)
    }
    return bias
  }

  #bias({ logitBias }: Sampling, banned: readonly number[]): TokenBias {
    const bias = TokenBias.for(this.#model.model)
    for (const token of banned) bias.set(token as Token, 'never')
    // Token ids are numbers on the wire; the library brands them.
    for (const [token, logit] of logitBias) bias.set(token as Token, logit <= BANNED ? 'never' : { logit })
    return bias
  }
}

interface Chosen {
  readonly token: Token
  readonly probabilities?: Probabilities
}

/** Probabilities of the whole vocabulary are asked for only where they are wanted: they cost more than the token. */
function tokensOf(
  sequence: LlamaContextSequence,
  last: Token,
  wanted: boolean,
  options: SequenceEvaluateOptions,
): AsyncIterable<Chosen> {
  if (wanted) return sequence.evaluateWithMetadata([last], { probabilities: true }, options)
  return sequence.evaluateWithMetadata([last], {}, options)
}

function penalises({ repeatPenalty, frequencyPenalty, presencePenalty }: Sampling): boolean {
  return repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
}

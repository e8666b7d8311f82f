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

/** How an answer that goes on had begun. */
export interface Beginning {
  /** They stand in the prompt. */
  readonly tokens: readonly Token[]
  /** It is to be said once more, before anything new: then it stands in no prompt. */
  readonly again: string
}

export interface GenerationParts {
  readonly job: Job
  /** GBNF that the answer follows; undefined where it may have any form. */
  readonly grammar: string | undefined
  readonly begun: Beginning
}

/** One answer, token by token, from a prompt that stands in the sequence but for its last token. */
export class Generation {
  readonly #model: LoadedModel
  readonly #job: Job
  readonly #grammar: string | undefined
  readonly #stops: StopScan
  #text: TokenText
  readonly #again: string
  /** What was said already included. */
  readonly #said: Token[]
  /** How many of those that is. */
  #known: number
  readonly #biases = new Map<readonly number[], TokenBias>()
  /** What the last known token says more than was known. */
  #beyond = ''
  #logprobs: TokenLogprob[] = []
  /** The caller has left. Looked at with each token. */
  cancelled = false

  constructor(model: LoadedModel, { job, grammar, begun }: GenerationParts) {
    this.#model = model
    this.#job = job
    this.#grammar = grammar
    this.#stops = new StopScan(job.stop)
    this.#text = new TokenText(model.model, model.bytes)
    this.#text.after(begun.tokens)
    this.#again = begun.again
    this.#said = [...begun.tokens]
    this.#known = begun.tokens.length
  }

  /** What was said already does not count. */
  get completionTokens(): number {
    return this.#said.length - this.#known
  }

  /** Tokens that were said once more. */
  get againTokens(): number {
    return this.#again === '' ? 0 : this.#known
  }

  /** Yields each piece of text as it is safe to give out; returns why it ended. */
  async *run(sequence: LlamaContextSequence, last: Token, room: number): AsyncGenerator<Piece, EndReason> {
    const { logprobs: wanted, sampling } = this.#job
    await using tokens = tokensOf(sequence, last, wanted !== undefined, this.#options(room))
    let next = await this.#sayAgain(tokens, room)
    const limit = Math.min(this.#job.maxTokens, room - this.againTokens)
    for (; next.done !== true; next = await tokens.next()) {
      const { token, probabilities } = next.value
      if (this.cancelled) return 'cancelled'
      this.#said.push(token)
      if (wanted !== undefined) {
        this.#logprobs.push(logprobsOf(token, probabilities, wanted, sampling.temperature, this.#model.bytes))
      }
      const { text, stopped } = this.#stops.push(this.#takeBeyond() + this.#text.push(token))
      if (text !== '') yield this.#piece(text)
      if (stopped) return 'stop'
      if (this.completionTokens >= limit) return yield* this.#end('length')
    }
    return yield* this.#end(this.cancelled ? 'cancelled' : 'stop')
  }

  /**
   * Up to the first token that is new. As long as the same text comes, the draws and the grammar stand where they
   * stood. Beside other requests sums are rounded otherwise, and another text may come: without a grammar the old one
   * is put in its place.
   */
  async #sayAgain(tokens: Tokens, room: number): Promise<IteratorResult<Chosen, void>> {
    let next = await tokens.next()
    let left = this.#again
    while (left !== '' && next.done !== true && !this.cancelled && this.#known < room) {
      const { token } = next.value
      const text = this.#text.push(token)
      const same = left.startsWith(text) || text.startsWith(left)
      const put = same ? [token] : this.#put(left)
      this.#said.push(...put)
      this.#known = this.#said.length
      next = await tokens.next(put)
      if (!same) break
      this.#beyond = text.slice(left.length)
      left = left.slice(text.length)
    }
    return next
  }

  #takeBeyond(): string {
    const beyond = this.#beyond
    this.#beyond = ''
    return beyond
  }

  /** Tokens of a text, instead of what came. Throws where a grammar has seen what came. */
  #put(text: string): Token[] {
    if (this.#grammar !== undefined) throw new Error(STRAYED)
    const tokens = [...this.#model.prompts.said(text)]
    this.#text = new TokenText(this.#model.model, this.#model.bytes)
    this.#text.after(tokens)
    return tokens
  }

  *#end(reason: EndReason): Generator<Piece, EndReason> {
    const { text, stopped } = this.#stops.push(this.#takeBeyond() + this.#text.rest())
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
              maxPunishTokens: this.#known + limit,
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

const STRAYED = 'the answer that broke off cannot be gone on with: said again, it came out otherwise'

type Tokens = AsyncGenerator<Chosen, void, undefined | Token | Token[]>

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
): Tokens {
  if (wanted) return sequence.evaluateWithMetadata([last], { probabilities: true }, options)
  return sequence.evaluateWithMetadata([last], {}, options)
}

function penalises({ repeatPenalty, frequencyPenalty, presencePenalty }: Sampling): boolean {
  return repeatPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
}

import {
  type LlamaContextSequence,
  type SequenceEvaluateOptions,
  type Token,
  TokenBias,
} from 'node-llama-cpp'
import type { LoadedModel } from './model.ts'
import type { EndReason, Job, Piece, Sampling, TokenLogprob } from './protocol.ts'
import { StopScan } from './stop-scan.ts'

/** Tokens that may wait for the rest of a character: none has more bytes than four, of a token each. */
const UNFINISHED_MAX = 8
/** Tokens before a piece that tell whether it begins a word. */
const BEFORE = 4
const BANNED = -100
const REPLACEMENT = '\uFFFD'
/** A logarithm of nothing has no JSON. */
const LOGPROB_MIN = -9_999

/** One answer, token by token, from a prompt that stands in the sequence but for its last token. */
export class Generation {
  readonly #model: LoadedModel
  readonly #job: Job
  readonly #stops: StopScan
  readonly #said: Token[] = []
  #unfinished: Token[] = []
  #logprobs: TokenLogprob[] = []
  /** The caller has left. Looked at with each token. */
  cancelled = false

  constructor(model: LoadedModel, job: Job) {
    this.#model = model
    this.#job = job
    this.#stops = new StopScan(job.stop)
  }

  get completionTokens(): number {
    return this.#said.length
  }

  /** Yields each piece of text as it is safe to give out; returns why it ended. */
  async *run(sequence: LlamaContextSequence, last: Token, room: number): AsyncGenerator<Piece, EndReason> {
    const limit = Math.min(this.#job.maxTokens, room)
    const wanted = this.#job.logprobs
    const tokens = tokensOf(sequence, last, wanted !== undefined, this.#options())
    for await (const { token, probabilities } of tokens) {
      if (this.cancelled) return 'cancelled'
      this.#said.push(token)
      if (wanted !== undefined) this.#logprobs.push(this.#logprob(token, probabilities, wanted))
      const { text, stopped } = this.#stops.push(this.#text(token))
      if (text !== '') yield this.#piece(text)
      if (stopped) return 'stop'
      if (this.#said.length >= limit) return yield* this.#end('length')
    }
    return yield* this.#end(this.cancelled ? 'cancelled' : 'stop')
  }

  *#end(reason: EndReason): Generator<Piece, EndReason> {
    const { model } = this.#model
    const open = this.#unfinished.length === 0 ? '' : model.detokenize(this.#unfinished, false)
    const { text, stopped } = this.#stops.push(open)
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

  /** The text of a token, once its characters are whole. */
  #text(token: Token): string {
    const { model } = this.#model
    const pending = [...this.#unfinished, token]
    const before = this.#said.slice(-pending.length - BEFORE, -pending.length)
    const text = model.detokenize(pending, false, before)
    if (text.endsWith(REPLACEMENT) && pending.length < UNFINISHED_MAX) {
      this.#unfinished = pending
      return ''
    }
    this.#unfinished = []
    return text
  }

  #logprob(token: Token, probabilities: Map<Token, number> | undefined, top: number): TokenLogprob {
    const { model } = this.#model
    const one = (id: Token, probability: number) => ({
      token: model.detokenize([id], true),
      logprob: probability > 0 ? Math.log(probability) : LOGPROB_MIN,
    })
    const best: [Token, number][] = []
    for (const entry of probabilities ?? []) {
      if (best.length === top) break
      best.push(entry)
    }
    return {
      ...one(token, probabilities?.get(token) ?? 0),
      top: best.map(([id, probability]) => one(id, probability)),
    }
  }

  #options(): SequenceEvaluateOptions {
    const { grammar, sampling } = this.#job
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
              maxPunishTokens: this.#job.maxTokens,
            },
          }
        : {}),
      ...(sampling.logitBias.length === 0 ? {} : { tokenBias: this.#bias(sampling) }),
      ...(grammar === undefined ? {} : { grammarEvaluationState: this.#model.grammar(grammar) }),
    }
  }

  #bias({ logitBias }: Sampling): TokenBias {
    const bias = TokenBias.for(this.#model.model)
    // Token ids are numbers on the wire; the library brands them.
    for (const [token, logit] of logitBias) bias.set(token as Token, logit <= BANNED ? 'never' : { logit })
    return bias
  }
}

interface Chosen {
  readonly token: Token
  readonly probabilities?: Map<Token, number>
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

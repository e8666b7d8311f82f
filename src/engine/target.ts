import type { ContinueStyle } from '../contract/model.ts'
import type { Quirks } from './quirks.ts'

/** Milliseconds, each from its own start. */
export interface Timeouts {
  /** From dispatch to a connection that takes the request, waiting for a free one included. */
  readonly connectMs: number
  /** From dispatch to the first chunk that carries content. Not applied where the answer comes whole. */
  readonly firstTokenMs: number
  /** From one chunk with content to the next; in a whole answer, between reads of its body. */
  readonly betweenTokensMs: number
}

/** Where one call goes. */
export interface Target {
  /** The engine's name in the configuration: messages name it. */
  readonly engine: string
  /** Up to and without `/chat/completions` or `/messages`, such as `http://127.0.0.1:11434/v1`. */
  readonly baseUrl: string
  readonly apiKey?: string | undefined
  /** What the engine calls the model. */
  readonly name: string
  /** How it goes on from the beginning of an answer; undefined where it cannot. */
  readonly continues?: ContinueStyle | undefined
  /** Off this machine, and so under a daily cap that only what was priced before may spend. */
  readonly offMachine: boolean
  readonly timeouts: Timeouts
  /** Tokens that the engine really has for prompt and answer; undefined where it does not say. */
  readonly contextTokens?: number | undefined
}

/** An engine that speaks OpenAI's Chat Completions, as far as it does. */
export interface OpenAiTarget extends Target {
  readonly quirks: Quirks
}

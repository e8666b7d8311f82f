import type { EmbedInput } from '../../contract/embed.ts'
import type { ProblemCode } from '../../contract/problem.ts'
import type { Formed } from './grammar/reply.ts'

/** What the gateway and the child process that holds one model say to each other, over Node's IPC channel. */

export interface LoadOptions {
  /** The GGUF file. */
  readonly path: string
  /** Tokens that one sequence can hold, prompt and answer together. */
  readonly contextTokens: number
  /** Sequences whose KV cache is kept: those that run, and those that wait to be continued. */
  readonly slots: number
  /** Sequences that run at once, at most `slots`. */
  readonly parallel: number
  readonly threads: number
  readonly gpu: 'off' | 'auto' | 'cuda' | 'vulkan' | 'metal'
  /** It makes vectors and no text. */
  readonly embeds: boolean
  /** Requests that may wait for a slot. */
  readonly queueLimit: number
  /** Where states of system prompts are kept, and how much of them; absent: nowhere. */
  readonly warm?: { readonly folder: string; readonly bytes: number }
}

/** What a loaded model turned out to be. */
export interface ModelFacts {
  readonly contextTokens: number
  readonly trainedTokens: number
  readonly slots: number
  /** The file brings no chat template: ChatML is used. */
  readonly templateMissing: boolean
}

export interface Sampling {
  /** 0: always the likeliest token. */
  readonly temperature: number
  readonly topP: number
  /** 0: all. */
  readonly topK: number
  readonly minP: number
  readonly seed: number
  readonly frequencyPenalty: number
  readonly presencePenalty: number
  /** 1: none. */
  readonly repeatPenalty: number
  /** Added to the logit of each token; −100 and below bans it. */
  readonly logitBias: readonly (readonly [token: number, logit: number])[]
}

/** A generation. */
export interface Job {
  readonly type: 'generate'
  /** Never given twice by one parent: what was cancelled may still be ending when its request is tried again. */
  readonly id: string
  /** Whose turn it takes: slots are shared fairly between callers. */
  readonly caller: string
  /** As a chat template sees them. */
  readonly messages: readonly TemplateMessage[]
  readonly tools?: readonly unknown[]
  /** False: a model that can think aloud is told not to. */
  readonly thinking: boolean
  readonly maxTokens: number
  readonly sampling: Sampling
  readonly stop: readonly string[]
  /** The beginning of the answer, which was said already: it goes on from there. Absent: from its first word. */
  readonly begun?: Begun
  /** What bears on the form of the answer: tools, a schema; absent: any text. */
  readonly form?: Formed
  /** Alternatives to tell beside each token; absent: no log probabilities. */
  readonly logprobs?: number
}

export interface Begun {
  readonly text: string
  /** The caller named a seed: what follows is what the seed would have made of it. */
  readonly seeded: boolean
}

/** Texts or tokens to make vectors of, in order. */
export interface EmbedJob {
  readonly type: 'embed'
  readonly id: string
  readonly inputs: readonly EmbedInput[]
}

export interface TemplateMessage {
  readonly role: string
  readonly content: string
  readonly [field: string]: unknown
}

export interface Logprob {
  /** Of the token: it may be a part of a character. */
  readonly bytes: readonly number[]
  readonly logprob: number
}

export interface TokenLogprob extends Logprob {
  /** The likeliest tokens, the best first. */
  readonly top: readonly Logprob[]
}

/** A piece of the answer's text, as far as no stop sequence may be forming in it. */
export interface Piece {
  readonly text: string
  readonly logprobs?: readonly TokenLogprob[]
}

/** What one generation used of the KV cache and the queue: the record's `engineStats`. */
export interface JobStats {
  readonly promptTokens: number
  readonly completionTokens: number
  /** Tokens of the prompt that stood in the KV cache already, in memory or on disk. */
  readonly cachedTokens: number
  readonly waitMs: number
  readonly prefillMs: number
}

export type ToChild =
  | { readonly type: 'load'; readonly options: LoadOptions }
  | { readonly type: 'run'; readonly job: Job | EmbedJob }
  | { readonly type: 'cancel'; readonly id: string }
  /** Forget every text that is not being worked on: caches in memory and states on disk. */
  | { readonly type: 'forget' }
  | { readonly type: 'ping' }

export type FromChild =
  | { readonly type: 'loaded'; readonly facts: ModelFacts }
  | { readonly type: 'unloadable'; readonly why: string }
  /** Its chat template is about to be rendered: where nothing follows, that never came back. */
  | { readonly type: 'reading'; readonly id: string }
  | { readonly type: 'begun'; readonly id: string }
  | { readonly type: 'said'; readonly id: string; readonly pieces: readonly Piece[] }
  /** Vectors of length one, one for each input, in their order. */
  | {
      readonly type: 'embedded'
      readonly id: string
      readonly vectors: readonly Float32Array[]
      readonly promptTokens: number
    }
  | { readonly type: 'ended'; readonly id: string; readonly reason: EndReason; readonly stats: JobStats }
  | {
      readonly type: 'refused'
      readonly id: string
      readonly code: ProblemCode
      readonly message: string
      /** The field of the request that is to blame. */
      readonly param?: string
      readonly retryAfterMs?: number
    }
  /** Something went wrong that harms no answer. */
  | { readonly type: 'warned'; readonly message: string }
  | { readonly type: 'gauges'; readonly gauges: Gauges }
  | { readonly type: 'forgotten' }
  | { readonly type: 'pong' }

export type EndReason = 'stop' | 'length' | 'cancelled'

/** Of one model since it was loaded. Counters only grow. */
export interface Gauges {
  readonly slots: number
  readonly running: number
  readonly waiting: number
  /** Tokens in the KV caches, and how many they can hold. */
  readonly kvTokens: number
  readonly kvCapacityTokens: number
  /** Counters. */
  readonly requests: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  /** Caches that were given up for another prompt. */
  readonly evictions: number
  readonly warmLoads: number
  readonly warmSaves: number
  readonly warmBytes: number
  readonly waitMs: number
}

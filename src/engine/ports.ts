import type { Tier } from '../contract/tier.ts'
import type { VerbContext } from '../contract/verb.ts'
import type { PullSettings } from './pull/pull.ts'

/** What a model said to a first question, and how fast. */
export interface FirstAnswerGiven {
  /** As the model wrote it, thoughts included. */
  readonly text: string
  /** 0 where the answer was too short to measure. */
  readonly tokensPerSecond: number
}

/** Loads a model and has it say something: the proof that it works here. Throws UpshiftError where it does not. */
export type FirstAnswer = (modelPath: string, signal: AbortSignal) => Promise<FirstAnswerGiven>

/** What the verbs about local models need of the rest of the program. */
export interface ModelPorts {
  readonly settings: PullSettings
  /** The tiers that are configured, by model. */
  readonly tiers: Readonly<Record<string, Tier>>
  /** Writes values into the configuration file. Throws UpshiftError where it cannot be changed. */
  configure(changes: readonly { readonly path: readonly string[]; readonly value: string }[]): {
    readonly file: string
    readonly changed: boolean
  }
  /** Engines that answer on this machine: Ollama and the like. */
  engines(signal: AbortSignal): Promise<readonly { readonly kind: string; readonly baseUrl: string }[]>
  readonly firstAnswer: FirstAnswer
}

export type OpenModels = (context: VerbContext) => Promise<ModelPorts>

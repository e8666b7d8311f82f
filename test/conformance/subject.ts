import type { Call } from '../../src/contract/call.ts'
import type { EmbedCall, EmbedEnd } from '../../src/contract/embed.ts'
import type { Batch } from '../../src/contract/event.ts'
import type { ProblemCode } from '../../src/contract/problem.ts'

/**
 * What an engine can do, and so which cases it is asked. A case names what it needs; an engine that gains an ability
 * gains a word here and one in its list, and the cases that need it run.
 */
export type Capability =
  /** Answers one call in the shape that every engine owes. */
  | 'answer'
  /** Runs models of the tiny kind, which say what the cases make them say. */
  | 'model'
  /** Holds its answers to schemas and tools. */
  | 'form'
  /** Goes on from the beginning of an answer. */
  | 'goes-on'
  /** Runs its models in processes that can be killed. */
  | 'process'
  /** Makes vectors. */
  | 'vectors'
  /** Keeps a line of its own before a model that is busy. */
  | 'line'

/** The models of the fixtures: their weights are random, and how they end is not. */
export type ModelName =
  /** Never ends by itself. */
  | 'endless'
  /** Ends at once. */
  | 'brief'
  /** Never ends, and reads a long prompt for a while. */
  | 'slow'

/** An engine to which the cases are put. */
export interface Engine {
  readonly name: string
  readonly can: ReadonlySet<Capability>
  start(): Promise<Subject>
}

/** It, running. */
export interface Subject extends AsyncDisposable {
  /** Behind HTTP some refusals come back as the upstream's. */
  readonly codes: {
    readonly invalid: ProblemCode
    readonly lateInLine: ProblemCode
  }
  generate(model: ModelName, call: Call): AsyncIterable<Batch>
  embed(call: EmbedCall): Promise<EmbedEnd>
  /** Ends the process of a model, as `kill -9` does. */
  kill(model: ModelName): void
  /** Resolves once so many requests are at work or waiting. */
  holding(count: number): Promise<void>
}

/** Of every model: prompt and answer together. */
export const CONTEXT_TOKENS = 2_048
/** Requests that a model works on at once. */
export const PARALLEL = 2

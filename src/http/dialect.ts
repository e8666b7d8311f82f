import type { IncomingHttpHeaders } from 'node:http'
import type { Answer, Ask } from '../contract/ask.ts'
import type { Caller } from '../contract/caller.ts'
import type { AnswerFinish, AnswerWhole, Batch } from '../contract/event.ts'
import type { Problem, Refusal } from '../contract/problem.ts'
import type { CredentialOf } from './credential.ts'
import type { WireProblem } from './problem.ts'

/**
 * One way to speak to the path. The path itself speaks Chat Completions: a dialect reads its own body into that, and
 * writes what comes back in its own form. A route names its dialect in its `config`, so that what is refused before
 * the route's own handler runs (no key, a body that is no JSON) is said in the caller's language too.
 */
export interface Dialect {
  /** POST here. */
  readonly path: string
  /** Where its callers put their key. */
  readonly credentialOf: CredentialOf
  /** Reads a body, once. A promise only where something has to be looked up for it. */
  read(body: Body): Spoken | Refusal | Promise<Spoken | Refusal>
  problem(problem: Problem, requestId: string): WireProblem
  /** What stands in the head of an answer beside the headers that every dialect has. */
  head?(requestId: string): Readonly<Record<string, string>>
}

/** What arrived. */
export interface Body {
  /** The request's id. */
  readonly id: string
  readonly headers: IncomingHttpHeaders
  /** Any JSON. */
  readonly value: unknown
  /** As it arrived, on the wire. */
  readonly bytes: number
  readonly caller: Caller | null
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal
}

/** A request that has been read. */
export interface Spoken {
  /** What the path is asked. Where it streams, the answer is written as server-sent events. */
  readonly ask: Pick<Ask, 'request' | 'bytes' | 'verdicts' | 'response'>
  /** A problem that the path has with it, with `param` as the dialect calls it; absent where it has the same names. */
  named?(problem: Problem): Problem
  /** What writes the answer, once it has begun. */
  writer(answer: Answer): Writer
}

/** Writes one answer: either `whole` once, or `batch` for each batch of a stream. */
export interface Writer {
  /** Why the writer has ended a stream by itself, before the answer's end: nothing more is read of it. */
  readonly over?: Problem | undefined
  /** The JSON text of an answer that came whole. */
  whole(whole: AnswerWhole, finish: AnswerFinish): string
  /** The server-sent events of a batch; empty where it says nothing. */
  batch(batch: Batch): string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The language of the route's callers; OpenAI's where absent. */
    dialect?: Dialect
  }
}

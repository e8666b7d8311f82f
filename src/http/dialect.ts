import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from '../contract/ask.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { AnswerFinish, AnswerWhole, Batch } from '../contract/event.ts'
import type { Problem, Refusal } from '../contract/problem.ts'
import type { WireProblem } from './problem.ts'

/**
 * One language that callers speak: its requests in, its answers and errors out. Everything between is the same for
 * all of them (answering.ts). A route names its dialect in its `config`, so that what is refused before the route's
 * own handler runs (no key, a body that is no JSON) is said in the caller's language too.
 */
export interface Dialect {
  /** Parsed once, at the edge; a refusal names the field. */
  parse(body: unknown, headers: IncomingHttpHeaders): ChatRequest | Refusal
  /** The JSON text of a whole answer, with the `upshift` field. */
  whole(asked: Asked, whole: AnswerWhole, finish: AnswerFinish): string
  /** A fresh encoder for one streamed answer. */
  stream(asked: Asked): StreamEncoder
  problem(problem: Problem, requestId: string): WireProblem
  /** What stands in the head of an answer beside the headers that every dialect has. */
  head(requestId: string): Readonly<Record<string, string>>
}

/** A request that is being answered. */
export interface Asked {
  readonly id: string
  readonly request: ChatRequest
  readonly answer: Answer
}

export interface StreamEncoder {
  /** The text of a batch as server-sent events; empty where it says nothing in this dialect. */
  encode(batch: Batch): string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The language of the route's callers; Chat Completions where absent. */
    dialect?: Dialect
  }
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Ask, Asked } from '../contract/ask.ts'
import type { AnswerError, AnswerFinish } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { AnswerBody } from './body.ts'
import { answerHead } from './head.ts'
import { wireProblem } from './problem.ts'

/** What writing an answer needs, whatever was asked. */
export interface WritingPorts {
  readonly clock: Clock
  readonly slowReaderMs: number
  /** Called before the head of an answer is written. */
  heading(reply: FastifyReply): void
  finished(done: Finished): void
}

/** How a request ended, for the metrics. */
export interface Finished {
  readonly answer: Answer
  readonly terminal: AnswerFinish | AnswerError
  readonly firstTokenMs?: number
  /** Texts that were embedded. */
  readonly inputs?: number
}

/** An answer on its way out. */
export interface Writing {
  readonly ports: WritingPorts
  readonly reply: FastifyReply
  readonly id: string
  readonly answer: Answer
  /** Headers of the answer that its dialect adds. */
  readonly head?: Readonly<Record<string, string>> | undefined
}

/** The request as the path sees it. Its signal is that of `gone`, which aborts when the caller leaves. */
export function askOf<R extends Asked>(
  request: FastifyRequest,
  reply: FastifyReply,
  asked: R,
  clock: Clock,
): { readonly ask: Ask<R>; readonly gone: AbortController } {
  const gone = new AbortController()
  const { raw } = reply
  raw.on('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
  const ask: Ask<R> = {
    id: request.id,
    origin: {
      type: 'wire',
      credential: request.headers.authorization,
      ...(request.caller === null ? {} : { caller: request.caller }),
    },
    request: asked,
    bytes: request.bodyBytes,
    receivedAt: clock.now(),
    signal: gone.signal,
  }
  return { ask, gone }
}

/** Writes the head of an answer to the socket itself, past the framework, which would look at each header again. */
export function writeHead(
  { ports, reply, id, answer, head: own }: Writing,
  type: string,
  more: Readonly<Record<string, string>>,
): AnswerBody {
  ports.heading(reply)
  reply.hijack()
  const head: string[] = []
  // What hooks have set on the reply, which writing to the socket directly would lose.
  add(head, reply.getHeaders())
  head.push(...answerHead(id, answer.plan, answer.start))
  if (own !== undefined) add(head, own)
  head.push('content-type', type)
  add(head, more)
  return new AnswerBody(reply.raw.writeHead(200, head))
}

/** Adds names and values in turn. Nobody sets what another one sets: a name would stand in the head twice. */
function add(head: string[], headers: Readonly<Record<string, unknown>>): void {
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) head.push(name, String(value))
  }
}

/** Says what went wrong in the language of the route that was called. */
export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  const dialect = reply.request.routeOptions?.config?.dialect
  const wire = dialect === undefined ? wireProblem(problem, requestId) : dialect.problem(problem, requestId)
  reply.code(wire.status).headers(wire.headers).type('application/json; charset=utf-8')
  reply.send(JSON.stringify(wire.body))
}

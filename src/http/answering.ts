import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Ask, Handle } from '../contract/ask.ts'
import { type AnswerError, type AnswerFinish, type AnswerWhole, isTerminal } from '../contract/event.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import type { Clock } from '../lib/clock.ts'
import { chatDialect } from './chat.ts'
import type { Asked, Dialect } from './dialect.ts'
import { answerHead } from './head.ts'

/** What a route that is answered by a model needs. */
export interface AnsweringPorts {
  readonly handle: Handle
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
  readonly firstTokenMs: number
}

/** Parses once, asks the path, and writes what comes: a problem, one JSON document, or a stream of events. */
export async function replyAnswer(
  ports: AnsweringPorts,
  dialect: Dialect,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const parsed = dialect.parse(request.body, request.headers)
  if (isRefusal(parsed)) return sendProblem(reply, parsed.problem, request.id)

  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
  const startedAt = ports.clock.elapsed()
  const ask: Ask = {
    id: request.id,
    origin: {
      type: 'wire',
      credential: request.headers.authorization,
      ...(request.caller === null ? {} : { caller: request.caller }),
    },
    request: parsed,
    bytes: request.bodyBytes,
    receivedAt: ports.clock.now(),
    signal: gone.signal,
  }
  const answer = await ports.handle(ask, request.rawBody ?? undefined)
  // It is in the vault by now; a slow reader must not keep it in memory.
  request.rawBody = null
  if (isRefusal(answer)) return sendProblem(reply, answer.problem, request.id)
  const asked = { id: ask.id, request: parsed, answer }
  const writing = { ports, dialect, reply, asked, firstTokenMs: ports.clock.elapsed() - startedAt }
  let whole = false
  try {
    if (parsed.stream === true) await writeStream(writing)
    else await writeWhole(writing)
    whole = true
  } finally {
    // Ends what is still running where the caller left or writing failed; after a good end it does nothing.
    if (!whole) gone.abort()
    await answer[Symbol.asyncDispose]()
  }
}

interface Writing {
  readonly ports: AnsweringPorts
  readonly dialect: Dialect
  readonly reply: FastifyReply
  readonly asked: Asked
  readonly firstTokenMs: number
}

async function writeWhole(writing: Writing): Promise<void> {
  const { ports, dialect, reply, asked, firstTokenMs } = writing
  const { answer } = asked
  let whole: AnswerWhole | undefined
  for await (const batch of answer.events) {
    for (const event of batch) {
      if (event.type === 'answer-whole') whole = event
      else if (event.type === 'answer-error') {
        ports.finished({ answer, terminal: event, firstTokenMs })
        return sendProblem(reply, event.problem, asked.id)
      } else if (event.type === 'answer-finish') {
        assert(whole !== undefined, 'an answer that is not streamed comes whole')
        ports.finished({ answer, terminal: event, firstTokenMs })
        const text = dialect.whole(asked, whole, event)
        const length = { 'content-length': String(Buffer.byteLength(text)) }
        writeHead(writing, 'application/json; charset=utf-8', length).end(text)
      }
    }
  }
}

async function writeStream(writing: Writing): Promise<void> {
  const { ports, dialect, asked, firstTokenMs } = writing
  const { answer } = asked
  const raw = writeHead(writing, 'text/event-stream; charset=utf-8', {
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const encoder = dialect.stream(asked)
  for await (const batch of answer.events) {
    const last = batch.at(-1)
    if (isTerminal(last)) ports.finished({ answer, terminal: last, firstTokenMs })
    const text = encoder.encode(batch)
    if (text !== '' && !raw.destroyed && !raw.write(text)) await drained(raw, ports.slowReaderMs)
  }
  raw.end()
}

/** Writes the head of an answer to the socket itself, past the framework, which would look at each header again. */
function writeHead(
  { ports, dialect, reply, asked: { id, answer } }: Writing,
  type: string,
  more: Readonly<Record<string, string>>,
): ServerResponse {
  ports.heading(reply)
  reply.hijack()
  const head = {
    ...ownHeaders(reply),
    ...answerHead(id, answer.plan, answer.start),
    ...dialect.head(id),
    'content-type': type,
    ...more,
  }
  return reply.raw.writeHead(200, head)
}

/** What hooks have set on the reply, which writing to the socket directly would lose. */
function ownHeaders(reply: FastifyReply): Record<string, string> {
  const set = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]))
}

/** Waits until a slow reader has taken what was written; one that takes nothing for too long is cut off. */
function drained(raw: ServerResponse, slowReaderMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      raw.off('drain', done)
      raw.off('close', done)
      resolve()
    }
    const timer = setTimeout(() => raw.destroy(), slowReaderMs)
    raw.once('drain', done)
    raw.once('close', done)
  })
}

/** Says what went wrong in the language of the route that was called. */
export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  const dialect = reply.request.routeOptions?.config?.dialect ?? chatDialect
  const wire = dialect.problem(problem, requestId)
  reply.code(wire.status).headers(wire.headers).type('application/json; charset=utf-8')
  reply.send(JSON.stringify(wire.body))
}

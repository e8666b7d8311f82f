import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Ask, Handle } from '../contract/ask.ts'
import type { ChatCompletion } from '../contract/chat.ts'
import { type AnswerError, type AnswerFinish, isTerminal } from '../contract/event.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import type { Clock } from '../lib/clock.ts'
import type { Body, Dialect, Spoken, Writer } from './dialect.ts'
import { answerHead } from './head.ts'
import { type WireProblem, wireProblem } from './problem.ts'

/** What answering needs, in whatever dialect. */
export interface ReplyPorts {
  readonly handle: Handle
  readonly clock: Clock
  readonly slowReaderMs: number
  /** Counts more bytes than arrived, until the answer is over; the problem where there is no room for them. */
  grow(reply: FastifyReply, bytes: number): Problem | undefined
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

/** Reads once, asks the path, and writes what comes: a problem, one JSON document, or a stream of events. */
export async function replyIn(
  dialect: Dialect,
  ports: ReplyPorts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const gone = new AbortController()
  const { raw } = reply
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
  const { id } = request
  const startedAt = ports.clock.elapsed()
  const body: Body = {
    id,
    value: request.body,
    bytes: request.bodyBytes,
    caller: request.caller,
    receivedAt: ports.clock.now(),
    signal: gone.signal,
  }
  const read = dialect.read(body)
  const spoken = read instanceof Promise ? await read : read
  if (isRefusal(spoken)) return sendWire(reply, dialect.problem(spoken.problem, id))
  const more = spoken.ask.bytes - body.bytes
  const full = more > 0 ? ports.grow(reply, more) : undefined
  if (full !== undefined) return sendWire(reply, dialect.problem(full, id))

  const answer = await ports.handle(askOf(spoken.ask, body, request), request.rawBody ?? undefined)
  // It is in the vault by now; a slow reader must not keep it in memory.
  request.rawBody = null
  if (isRefusal(answer)) return sendWire(reply, pathProblem(dialect, spoken, answer.problem, id))
  const writer = spoken.writer(answer)
  const firstTokenMs = ports.clock.elapsed() - startedAt
  const writing = { dialect, spoken, ports, reply, id, answer, writer, firstTokenMs }
  let whole = false
  try {
    if (spoken.ask.request.stream === true) await writeStream(writing)
    else await writeWhole(writing)
    whole = true
  } finally {
    // Ends what is still running where the caller left or writing failed; after a good end it does nothing.
    if (!whole) gone.abort()
    await answer[Symbol.asyncDispose]()
  }
}

function askOf(spoken: Spoken['ask'], body: Body, request: FastifyRequest): Ask {
  const { id, receivedAt, signal, caller } = body
  return {
    ...spoken,
    id,
    origin: {
      type: 'wire',
      credential: request.headers.authorization,
      ...(caller === null ? {} : { caller }),
    },
    receivedAt,
    signal,
  }
}

function pathProblem(dialect: Dialect, spoken: Spoken, problem: Problem, id: string): WireProblem {
  return dialect.problem(spoken.named?.(problem) ?? problem, id)
}

interface Writing {
  readonly dialect: Dialect
  readonly spoken: Spoken
  readonly ports: ReplyPorts
  readonly reply: FastifyReply
  readonly id: string
  readonly answer: Answer
  readonly writer: Writer
  readonly firstTokenMs: number
}

async function writeWhole(writing: Writing): Promise<void> {
  const { dialect, spoken, ports, reply, id, answer, writer, firstTokenMs } = writing
  let completion: ChatCompletion | undefined
  for await (const batch of answer.events) {
    for (const event of batch) {
      if (event.type === 'answer-whole') completion = event.completion
      else if (event.type === 'answer-error') {
        ports.finished({ answer, terminal: event, firstTokenMs })
        return sendWire(reply, pathProblem(dialect, spoken, event.problem, id))
      } else if (event.type === 'answer-finish') {
        assert(completion !== undefined, 'an answer that is not streamed comes whole')
        ports.finished({ answer, terminal: event, firstTokenMs })
        const text = writer.whole(completion, event)
        const length = { 'content-length': String(Buffer.byteLength(text)) }
        writeHead(writing, 'application/json; charset=utf-8', length).end(text)
      }
    }
  }
}

async function writeStream(writing: Writing): Promise<void> {
  const { ports, answer, writer, firstTokenMs } = writing
  const raw = writeHead(writing, 'text/event-stream; charset=utf-8', {
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  for await (const batch of answer.events) {
    const last = batch.at(-1)
    if (isTerminal(last)) ports.finished({ answer, terminal: last, firstTokenMs })
    const text = writer.batch(batch)
    if (text !== '' && !raw.destroyed && !raw.write(text)) await drained(raw, ports.slowReaderMs)
    if (writer.over === true && !isTerminal(last)) break
  }
  raw.end()
}

/** Writes the head of an answer to the socket itself, past the framework, which would look at each header again. */
function writeHead(
  { ports, reply, id, answer }: Writing,
  type: string,
  more: Readonly<Record<string, string>>,
): ServerResponse {
  ports.heading(reply)
  reply.hijack()
  const head = {
    ...ownHeaders(reply),
    ...answerHead(id, answer.plan, answer.start),
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

export function sendProblem(reply: FastifyReply, problem: Problem, requestId: string): void {
  sendWire(reply, wireProblem(problem, requestId))
}

function sendWire(reply: FastifyReply, wire: WireProblem): void {
  reply.code(wire.status).headers(wire.headers).type('application/json; charset=utf-8')
  reply.send(JSON.stringify(wire.body))
}

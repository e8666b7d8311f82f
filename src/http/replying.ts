import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ask, Handle } from '../contract/ask.ts'
import { type AnswerWhole, isTerminal } from '../contract/event.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import type { Body, Dialect, Spoken, Writer } from './dialect.ts'
import { sendProblem, type Writing, type WritingPorts, writeHead } from './writing.ts'

/** What answering needs, in whatever dialect. */
export interface ReplyPorts extends WritingPorts {
  readonly handle: Handle
  /** Counts more bytes than arrived, until the answer is over; the problem where there is no room for them. */
  grow(reply: FastifyReply, bytes: number): Problem | undefined
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
    headers: request.headers,
    value: request.body,
    bytes: request.bodyBytes,
    caller: request.caller,
    receivedAt: ports.clock.now(),
    signal: gone.signal,
  }
  const read = dialect.read(body)
  const spoken = read instanceof Promise ? await read : read
  if (isRefusal(spoken)) return sendProblem(reply, spoken.problem, id)
  const more = spoken.ask.bytes - body.bytes
  const full = more > 0 ? ports.grow(reply, more) : undefined
  if (full !== undefined) return sendProblem(reply, full, id)

  const answer = await ports.handle(asked(spoken.ask, body, request), request.rawBody ?? undefined)
  // It is in the vault by now; a slow reader must not keep it in memory.
  request.rawBody = null
  if (isRefusal(answer)) return sendProblem(reply, named(spoken, answer.problem), id)
  const writer = spoken.writer(answer)
  const firstTokenMs = ports.clock.elapsed() - startedAt
  const head = dialect.head?.(id)
  const writing = { spoken, ports, reply, id, answer, head, writer, firstTokenMs }
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

function asked(spoken: Spoken['ask'], body: Body, request: FastifyRequest): Ask {
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

function named(spoken: Spoken, problem: Problem): Problem {
  return spoken.named?.(problem) ?? problem
}

interface Replying extends Writing {
  readonly spoken: Spoken
  readonly writer: Writer
  readonly firstTokenMs: number
}

async function writeWhole(writing: Replying): Promise<void> {
  const { spoken, ports, reply, id, answer, writer, firstTokenMs } = writing
  const events = answer.events[Symbol.asyncIterator]()
  let whole: AnswerWhole | undefined
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    for (const event of next.value) {
      if (event.type === 'answer-whole') whole = event
      else if (event.type === 'answer-error') {
        ports.finished({ answer, terminal: event, firstTokenMs })
        return sendProblem(reply, named(spoken, event.problem), id)
      } else if (event.type === 'answer-finish') {
        assert(whole !== undefined, 'an answer that is not streamed comes whole')
        ports.finished({ answer, terminal: event, firstTokenMs })
        const text = writer.whole(whole, event)
        const length = { 'content-length': String(Buffer.byteLength(text)) }
        const raw = writeHead(writing, 'application/json; charset=utf-8', length)
        return raw.end(text, ports.slowReaderMs)
      }
    }
  }
}

async function writeStream(writing: Replying): Promise<void> {
  const { ports, answer, writer, firstTokenMs } = writing
  const raw = writeHead(writing, 'text/event-stream; charset=utf-8', {
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const events = answer.events[Symbol.asyncIterator]()
  for (;;) {
    const { value: batch, done } = await events.next()
    if (done === true) break
    const text = writer.batch(batch)
    const { over } = writer
    const last = over === undefined ? batch.at(-1) : ({ type: 'answer-error', problem: over } as const)
    if (isTerminal(last)) {
      ports.finished({ answer, terminal: last, firstTokenMs })
      // Before a slow reader is waited for: what nobody gets is not bought.
      if (over !== undefined) await events.return?.()
      // It may be the whole of an answer that was held.
      return raw.end(text, ports.slowReaderMs)
    }
    if (text !== '' && !raw.destroyed && !raw.write(text)) await raw.drained(ports.slowReaderMs)
  }
  await raw.end('', ports.slowReaderMs)
}

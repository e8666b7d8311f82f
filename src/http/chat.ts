import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Handle } from '../contract/ask.ts'
import { type ChatCompletion, type ChatRequest, chatRequestSchema } from '../contract/chat.ts'
import { isTerminal } from '../contract/event.ts'
import { isRefusal } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import { invalidRequest } from './invalid.ts'
import { encodeBatch, type StreamShape } from './sse.ts'
import { summarise } from './summary.ts'
import { askOf, drained, sendProblem, type Writing, type WritingPorts, writeHead } from './writing.ts'

/** What POST /v1/chat/completions needs. */
export interface ChatPorts extends WritingPorts {
  readonly handle: Handle
}

/** Parses once, asks the path, and writes what comes: a problem, one JSON document, or a stream of events. */
export async function replyChat(
  ports: ChatPorts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const parsed = chatRequestSchema.safeParse(request.body)
  if (!parsed.success) return sendProblem(reply, invalidRequest(parsed.error).problem, request.id)

  const startedAt = ports.clock.elapsed()
  const { ask, gone } = askOf(request, reply, parsed.data, ports.clock)
  const answer = await ports.handle(ask, request.rawBody ?? undefined)
  // It is in the vault by now; a slow reader must not keep it in memory.
  request.rawBody = null
  if (isRefusal(answer)) return sendProblem(reply, answer.problem, request.id)
  const writing = { ports, reply, id: ask.id, answer, firstTokenMs: ports.clock.elapsed() - startedAt }
  let whole = false
  try {
    if (parsed.data.stream === true) await writeStream(writing, parsed.data)
    else await writeWhole(writing)
    whole = true
  } finally {
    // Ends what is still running where the caller left or writing failed; after a good end it does nothing.
    if (!whole) gone.abort()
    await answer[Symbol.asyncDispose]()
  }
}

interface ChatWriting extends Writing {
  readonly firstTokenMs: number
}

async function writeWhole(writing: ChatWriting): Promise<void> {
  const { ports, reply, id, answer, firstTokenMs } = writing
  let completion: ChatCompletion | undefined
  for await (const batch of answer.events) {
    for (const event of batch) {
      if (event.type === 'answer-whole') completion = event.completion
      else if (event.type === 'answer-error') {
        ports.finished({ answer, terminal: event, firstTokenMs })
        return sendProblem(reply, event.problem, id)
      } else if (event.type === 'answer-finish') {
        assert(completion !== undefined, 'an answer that is not streamed comes whole')
        ports.finished({ answer, terminal: event, firstTokenMs })
        const upshift = summarise(id, answer.plan, answer.start, event)
        const text = JSON.stringify({ ...completion, upshift })
        const length = { 'content-length': String(Buffer.byteLength(text)) }
        writeHead(writing, 'application/json; charset=utf-8', length).end(text)
      }
    }
  }
}

async function writeStream(writing: ChatWriting, request: ChatRequest): Promise<void> {
  const { ports, id, answer, firstTokenMs } = writing
  const raw = writeHead(writing, 'text/event-stream; charset=utf-8', {
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const shape: StreamShape = {
    requestId: id,
    includeUsage: request.stream_options?.include_usage === true,
    summary: (finish) => summarise(id, answer.plan, answer.start, finish),
  }
  for await (const batch of answer.events) {
    const last = batch.at(-1)
    if (isTerminal(last)) ports.finished({ answer, terminal: last, firstTokenMs })
    const text = encodeBatch(batch, shape)
    if (text !== '' && !raw.destroyed && !raw.write(text)) await drained(raw, ports.slowReaderMs)
  }
  raw.end()
}

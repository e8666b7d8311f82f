import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Handle } from '../contract/ask.ts'
import { type EmbedRequest, embedRequestSchema, inputsOf, type Vector } from '../contract/embed.ts'
import type { AnswerError, AnswerFinish } from '../contract/event.ts'
import { isRefusal, type Problem } from '../contract/problem.ts'
import { assert } from '../lib/assert.ts'
import { toBase64 } from '../lib/float32.ts'
import { invalidRequest } from './invalid.ts'
import { summarise } from './summary.ts'
import { askOf, sendProblem, type Writing, type WritingPorts, writeHead } from './writing.ts'

/** Inputs of all requests under way together: their vectors are in memory until they have been written. */
const INPUTS_UNDER_WAY_MAX = 32_768
const RETRY_MS = 1_000
/** Characters that are made in one turn of the event loop: some hundred microseconds. */
const PIECE_CHARACTERS = 65_536
const JSON_TYPE = 'application/json; charset=utf-8'

/** What POST /v1/embeddings needs. */
export interface EmbeddingPorts extends WritingPorts {
  readonly embed: Handle<EmbedRequest>
  readonly room: InputRoom
}

/** What the requests for embeddings under way hold together. */
export class InputRoom {
  #left = INPUTS_UNDER_WAY_MAX

  /** True, and taken, where there is room. */
  take(inputs: number): boolean {
    if (inputs > this.#left) return false
    this.#left -= inputs
    return true
  }

  giveBack(inputs: number): void {
    this.#left += inputs
  }
}

/** Parses once, asks the path, and writes what comes: a problem, or all vectors in one JSON document. */
export async function replyEmbeddings(
  ports: EmbeddingPorts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const parsed = embedRequestSchema.safeParse(request.body)
  if (!parsed.success) return sendProblem(reply, invalidRequest(parsed.error).problem, request.id)
  const inputs = inputsOf(parsed.data).length
  if (!ports.room.take(inputs)) return sendProblem(reply, noRoom(), request.id)
  reply.raw.on('close', () => ports.room.giveBack(inputs))

  const { ask, gone } = askOf(request, reply, parsed.data, ports.clock)
  const answer = await ports.embed(ask, request.rawBody ?? undefined)
  // It is in the vault by now; a slow reader must not keep it in memory.
  request.rawBody = null
  if (isRefusal(answer)) return sendProblem(reply, answer.problem, request.id)
  let whole = false
  try {
    const { vectors, terminal } = await read(answer)
    ports.finished({ answer, terminal, inputs })
    if (terminal.type === 'answer-error') return sendProblem(reply, terminal.problem, request.id)
    assert(vectors !== undefined, 'an answer of vectors comes whole')
    const writing = { ports, reply, id: ask.id, answer }
    await write(writing, vectors, parsed.data.encoding_format === 'base64', tailOf(writing, terminal))
    whole = true
  } finally {
    if (!whole) gone.abort()
    await answer[Symbol.asyncDispose]()
  }
}

async function read(answer: Answer): Promise<{
  readonly vectors: readonly Vector[] | undefined
  readonly terminal: AnswerFinish | AnswerError
}> {
  let vectors: readonly Vector[] | undefined
  let terminal: AnswerFinish | AnswerError | undefined
  for await (const batch of answer.events) {
    for (const event of batch) {
      if (event.type === 'embedding-whole') vectors = event.vectors
      else if (event.type === 'answer-finish' || event.type === 'answer-error') terminal = event
    }
  }
  assert(terminal !== undefined, 'an answer ends with a terminal event')
  return { vectors, terminal }
}

/**
 * Writes the document in pieces: as text, a request's vectors may be a hundred megabytes. One piece alone has a length
 * in its head; more are made as the reader takes them, with a turn of the event loop for everybody else in between.
 */
async function write(
  writing: Writing,
  vectors: readonly Vector[],
  base64: boolean,
  tail: string,
): Promise<void> {
  const { slowReaderMs } = writing.ports
  const pieces = piecesOf(vectors, base64, tail)
  let piece = pieces.next().value ?? ''
  let next = pieces.next()
  if (next.done === true) {
    const length = { 'content-length': String(Buffer.byteLength(piece)) }
    return writeHead(writing, JSON_TYPE, length).end(piece, slowReaderMs)
  }
  const raw = writeHead(writing, JSON_TYPE, {})
  for (; next.done !== true && !raw.destroyed; next = pieces.next()) {
    if (raw.write(piece)) await turn()
    else await raw.drained(slowReaderMs)
    piece = next.value
  }
  if (!raw.destroyed) await raw.end(piece, slowReaderMs)
}

function* piecesOf(vectors: readonly Vector[], base64: boolean, tail: string): Generator<string, undefined> {
  let piece = '{"object":"list","data":['
  for (const [index, vector] of vectors.entries()) {
    const embedding = base64 ? `"${toBase64(vector)}"` : `[${vector.join(',')}]`
    piece += `${index === 0 ? '' : ','}{"object":"embedding","index":${index},"embedding":${embedding}}`
    if (piece.length < PIECE_CHARACTERS) continue
    yield piece
    piece = ''
  }
  yield piece + tail
  return undefined
}

/** What follows the vectors, up to the end of the document. */
function tailOf({ id, answer }: Writing, finish: AnswerFinish): string {
  const tokens = finish.usage?.promptTokens ?? 0
  const rest = {
    model: answer.start.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    upshift: summarise(id, answer.plan, answer.start, finish),
  }
  return `],${JSON.stringify(rest).slice(1)}`
}

function noRoom(): Problem {
  const message = `The requests for embeddings under way hold ${INPUTS_UNDER_WAY_MAX} inputs together, and this one would exceed that. Send it again in a moment.`
  return { code: 'queue_full', message, retryAfterMs: RETRY_MS }
}

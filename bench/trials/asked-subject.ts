import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { postRequest } from '../process/chat.ts'
import { Connection, type Reply } from '../process/connection.ts'
import { plant, plantName } from './planted.ts'

/** Somebody about whom texts are kept: a name, and ways to ask in it that leave planted texts everywhere. */
export interface Person {
  readonly nonce: string
  readonly name: string
}

export interface Server {
  readonly port: number
  /** The owner's. */
  readonly key: string
}

export function person(nonce: string): Person {
  return { nonce, name: plantName(nonce) }
}

/**
 * A plain answer, a streamed one, a tool call, and a correction of the first. Resolves with the requests' ids; throws
 * with the server's words where one was refused.
 */
export async function askAll(server: Server, { nonce, name }: Person): Promise<readonly string[]> {
  const connection = await Connection.open(server.port)
  try {
    const post = async (path: string, body: object): Promise<Reply> => {
      const reply = await connection.send(postRequest(path, server.key, body))
      if (reply.status !== 200) throw new Error(`${path} answered ${reply.status}: ${reply.body}`)
      return reply
    }
    const ids: string[] = []
    for (const form of ['plain', 'stream', 'tool'] as const) {
      const reply = await post('/v1/chat/completions', bodyOf(form, nonce, name))
      const id = /\r\nx-request-id: (\S+)/.exec(reply.head)?.[1]
      if (id === undefined) throw new Error(`an answer came without its id:\n${reply.head}`)
      ids.push(id)
    }
    await post('/v1/feedback', {
      request_id: ids[0],
      score: -1,
      correction: plant('correction', nonce),
      comment: plant('comment', nonce),
    })
    return ids
  } finally {
    connection.destroy()
  }
}

export function bodyOf(form: 'plain' | 'stream' | 'tool', nonce: string, name: string): object {
  const description = plant('description of a tool', nonce)
  const parameters = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] }
  const tools = [{ type: 'function', function: { name: 'send', description, parameters } }]
  return {
    model: 'scripted/small',
    stream: form === 'stream',
    max_tokens: 200,
    user: name,
    metadata: { note: plant('metadata', nonce), of: nonce },
    messages: [
      { role: 'system', content: plant('system', nonce), name: 'planter' },
      { role: 'user', content: plant('prompt', nonce) },
    ],
    ...(form === 'tool' ? { tools, tool_choice: 'required' } : {}),
  }
}

export interface EchoEngine extends AsyncDisposable {
  readonly url: string
}

/**
 * An engine whose answers are planted too: as text, as a stream of pieces, or in the arguments of a tool call.
 * `gapMs`: between two pieces of a stream that begins now.
 */
export async function startEchoEngine(gapMs: () => number = () => 0): Promise<EchoEngine> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    // Whoever asked may be gone, which is what a kill does.
    answer(request, response, gapMs()).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 2_048, resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the engine listens on no port')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const HEAD = { id: 'chatcmpl-1', created: 1, model: 'small' }
const USAGE = { prompt_tokens: 50, completion_tokens: 20, total_tokens: 70 }

async function answer(request: IncomingMessage, response: ServerResponse, gapMs: number): Promise<void> {
  if (request.method === 'GET')
    return json(response, { object: 'list', data: [{ id: 'small', object: 'model' }] })
  const pieces: Buffer[] = []
  // No encoding is set, so bytes come as buffers.
  for await (const piece of request) pieces.push(piece as Buffer)
  // A parser: the trial writes these requests.
  const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as {
    stream?: boolean
    tools?: unknown
    messages: { content: string }[]
  }
  const nonce = /"prompt" \S+?-(\S+)/.exec(body.messages.map(({ content }) => content).join('\n'))?.[1] ?? '?'
  if (body.stream === true) return await stream(response, plant('streamed answer', nonce), gapMs)
  const call = { name: 'send', arguments: JSON.stringify({ to: plant('argument', nonce) }) }
  const message =
    body.tools === undefined
      ? { role: 'assistant', content: plant('answer', nonce) }
      : { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: call }] }
  const finish = body.tools === undefined ? 'stop' : 'tool_calls'
  const choices = [{ index: 0, message, finish_reason: finish }]
  json(response, { ...HEAD, object: 'chat.completion', choices, usage: USAGE })
}

const PIECE_CHARS = 7

async function stream(response: ServerResponse, text: string, gapMs: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let at = 0; at < text.length && !response.destroyed; at += PIECE_CHARS) {
    const delta = { content: text.slice(at, at + PIECE_CHARS) }
    response.write(chunk([{ index: 0, delta, finish_reason: null }]))
    if (gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs))
  }
  const finish = chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])
  response.end(`${finish}${chunk([], USAGE)}data: [DONE]\n\n`)
}

function chunk(choices: readonly object[], usage?: object): string {
  const more = usage === undefined ? {} : { usage }
  return `data: ${JSON.stringify({ ...HEAD, object: 'chat.completion.chunk', choices, ...more })}\n\n`
}

function json(response: ServerResponse, value: object): void {
  const text = JSON.stringify(value)
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

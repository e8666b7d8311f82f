import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import * as z from 'zod'

/** One chat request as the upstream received it. */
export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
  /** The messages' roles, in order. */
  readonly roles: readonly string[]
}

/** What the upstream does with the nth chat request since it was scripted, counted from 0. */
export type Script = (response: ServerResponse, request: Received, nth: number) => void | Promise<void>

/** A scripted engine that speaks Chat Completions on loopback. */
export interface Upstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string
  /** Chat requests since it was scripted. */
  readonly received: readonly Received[]
  /** Chat requests whose connection was closed before they were answered. */
  readonly abandoned: number
  /** Connections ever made, whatever for. */
  readonly connections: number
  /** Sets what it answers from now on, and forgets what it received. */
  answer(script: Script): void
}

const bodySchema = z.looseObject({ messages: z.array(z.looseObject({ role: z.string() })) })

export async function startUpstream(models: readonly string[] = ['small']): Promise<Upstream> {
  const upstream = new Scripted(models)
  const server = createServer((request, response) => void upstream.serve(request, response))
  server.on('connection', () => {
    upstream.connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  upstream.url = `http://127.0.0.1:${port}/v1`
  upstream.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return upstream
}

class Scripted implements Upstream {
  url = ''
  close: () => Promise<void> = () => Promise.resolve()
  received: Received[] = []
  abandoned = 0
  connections = 0
  private readonly models: readonly string[]
  private script: Script = (response) => whole(response, 'Nothing was scripted.')

  constructor(models: readonly string[]) {
    this.models = models
  }

  answer(script: Script): void {
    this.script = script
    this.received = []
    this.abandoned = 0
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.url?.endsWith('/chat/completions') !== true) {
      const data = this.models.map((id) => ({ id, object: 'model' }))
      if (request.url?.endsWith('/models') === true) reply(response, 200, { object: 'list', data })
      else reply(response, 404, { error: { message: 'not here' } })
      return
    }
    const body = bodySchema.parse(await json(request))
    const received = { headers: request.headers, body, roles: body.messages.map(({ role }) => role) }
    const since = this.received
    since.push(received)
    response.once('close', () => {
      // One of an earlier script may end late.
      if (!response.writableFinished && this.received === since) this.abandoned += 1
    })
    await this.script(response, received, since.length - 1)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

export const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }

/** A tool call as it stands in a message. */
export function toolCall(id: string, name: string, args: unknown, index?: number): Record<string, unknown> {
  const text = typeof args === 'string' ? args : JSON.stringify(args)
  return {
    ...(index === undefined ? {} : { index }),
    id,
    type: 'function',
    function: { name, arguments: text },
  }
}

/** A whole answer: its text, or its tool calls. */
export function whole(
  response: ServerResponse,
  content: string | readonly Record<string, unknown>[],
  more: Readonly<Record<string, unknown>> = {},
): void {
  const message =
    typeof content === 'string'
      ? { role: 'assistant', content }
      : { role: 'assistant', content: null, tool_calls: content }
  const finish_reason = typeof content === 'string' ? 'stop' : 'tool_calls'
  const choices = [{ index: 0, message, logprobs: null, finish_reason }]
  reply(response, 200, { ...HEAD, object: 'chat.completion', choices, usage: USAGE, ...more })
}

const HEAD = { id: 'chatcmpl-scripted', created: 1_700_000_000, model: 'small' }

export function streamHead(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
}

/** The text of one event. */
export function event(delta: unknown, finish: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return `data: ${JSON.stringify({ ...HEAD, object: 'chat.completion.chunk', choices })}\n\n`
}

/** The text of the usage event and the end mark. */
export const STREAM_END = `data: ${JSON.stringify({
  ...HEAD,
  object: 'chat.completion.chunk',
  choices: [],
  usage: USAGE,
})}\n\ndata: [DONE]\n\n`

/** A whole stream: pieces of text, or tool calls each in two pieces. */
function streamed(
  response: ServerResponse,
  content: readonly string[] | readonly Record<string, unknown>[],
): void {
  streamHead(response)
  response.write(event({ role: 'assistant', content: '' }))
  let calls = false
  for (const part of content) {
    if (typeof part === 'string') response.write(event({ content: part }))
    else {
      calls = true
      for (const piece of callPieces(part)) response.write(event({ tool_calls: [piece] }))
    }
  }
  response.end(event({}, calls ? 'tool_calls' : 'stop') + STREAM_END)
}

const callSchema = z.looseObject({
  index: z.number(),
  function: z.object({ name: z.string(), arguments: z.string() }),
})

function callPieces(call: Record<string, unknown>): readonly Record<string, unknown>[] {
  const { index, function: called, ...rest } = callSchema.parse(call)
  const half = Math.ceil(called.arguments.length / 2)
  return [
    { index, ...rest, function: { name: called.name, arguments: called.arguments.slice(0, half) } },
    { index, function: { arguments: called.arguments.slice(half) } },
  ]
}

/** Answers in the form that was asked for. */
export function respond(
  response: ServerResponse,
  { body }: Received,
  content: readonly string[] | readonly Record<string, unknown>[],
): void {
  if (body['stream'] === true) streamed(response, content)
  else whole(response, isTexts(content) ? content.join('') : content)
}

function isTexts(content: readonly unknown[]): content is readonly string[] {
  return content.every((part) => typeof part === 'string')
}

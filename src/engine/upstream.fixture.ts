import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Call } from '../contract/call.ts'
import type { AnswerEvent, Batch } from '../contract/event.ts'
import { systemClock } from '../lib/clock.ts'
import type { Connections } from './connections.ts'
import { createOpenAiEngine, type OpenAiEngine } from './openai.ts'
import { type EngineKind, quirksFor } from './quirks.ts'
import type { OpenAiTarget } from './target.ts'

/** One request as it came over the wire. */
export interface Received {
  readonly head: string
  readonly body: string
}

export interface Upstream {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** Connections made so far. */
  readonly sockets: Socket[]
  close(): Promise<void>
}

/** What the scripted engine does with a request; `nth` counts from 0 over all connections. */
export type Script = (socket: Socket, request: Received, nth: number) => void

/** A scripted engine: a raw TCP or TLS server on loopback that speaks as much HTTP as its script writes. */
export async function startUpstream(
  script: Script,
  tls?: { readonly key: string; readonly cert: string },
): Promise<Upstream> {
  const sockets: Socket[] = []
  const received: Received[] = []
  const serve = (socket: Socket): void => {
    sockets.push(socket)
    socket.unref()
    socket.on('error', () => {})
    let text = ''
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      for (;;) {
        const split = text.indexOf('\r\n\r\n')
        if (split < 0) return
        const head = text.slice(0, split)
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
        if (text.length < split + 4 + length) return
        const body = Buffer.from(text.slice(split + 4, split + 4 + length), 'latin1').toString('utf8')
        text = text.slice(split + 4 + length)
        received.push({ head, body })
        script(socket, { head, body }, received.length - 1)
      }
    })
  }
  const server: Server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref() // a test that fails must not hang
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/v1`,
    port,
    received,
    sockets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** A response's head; without a length the body ends with the connection. */
export function head(status: number, headers: Readonly<Record<string, string | number>> = {}): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Scripted\r\n${lines.join('')}\r\n`
}

/** A whole response with a length. */
export function respond(
  socket: Socket,
  status: number,
  body: string,
  headers: Readonly<Record<string, string | number>> = { 'content-type': 'application/json' },
): void {
  socket.write(head(status, { ...headers, 'content-length': Buffer.byteLength(body) }) + body)
}

/** The head of an event stream in HTTP chunks, which can end while the connection lives on. */
export const STREAM_HEAD = head(200, { 'content-type': 'text/event-stream', 'transfer-encoding': 'chunked' })
export const STREAM_END = '0\r\n\r\n'

export function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

export function sse(...events: readonly unknown[]): string {
  return events
    .map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
    .join('')
}

export function delta(
  content: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    id: 'c1',
    object: 'chat.completion.chunk',
    model: 'm',
    choices: [{ index: 0, delta: { content }, finish_reason: null }],
    ...more,
  }
}

export const FINISH = { id: 'c1', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
export const USAGE = {
  id: 'c1',
  choices: [],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
}
export const WHOLE = {
  id: 'c1',
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
}

export function targetAt(
  url: string,
  more: Partial<OpenAiTarget> & { readonly kind?: EngineKind } = {},
): OpenAiTarget {
  const { kind = 'generic', ...rest } = more
  return {
    engine: 'scripted',
    baseUrl: url,
    name: 'upstream-model',
    quirks: quirksFor(kind),
    offMachine: false,
    timeouts: { connectMs: 2_000, firstTokenMs: 5_000, betweenTokensMs: 5_000 },
    ...rest,
  }
}

export function callOf(more: Partial<Call['request']> = {}, rest: Partial<Call> = {}): Call {
  return {
    id: 'req_test',
    caller: 'key_test',
    request: { model: 'auto', messages: [{ role: 'user', content: 'Hi' }], stream: true, ...more },
    maxOutputTokens: 64,
    passages: [],
    deadline: systemClock.elapsed() + 10_000,
    signal: new AbortController().signal,
    ...rest,
  }
}

export function engineOver(connections: Connections): OpenAiEngine {
  return createOpenAiEngine({ clock: systemClock, dispatcherFor: (url) => connections.dispatcherFor(url) })
}

export async function collect(batches: AsyncIterable<Batch>): Promise<AnswerEvent[]> {
  const events: AnswerEvent[] = []
  for await (const batch of batches) events.push(...batch)
  return events
}

/** The text of all deltas of the first choice. */
export function textOf(events: readonly AnswerEvent[]): string {
  return events
    .map((event) => (event.type === 'chunk-delta' ? (event.chunk.choices[0]?.delta.content ?? '') : ''))
    .join('')
}

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { reply } from './upstream.ts'

/** One request as the upstream received it. */
export interface ReceivedMessage {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** The body's own text. */
  readonly text: string
  readonly body: Readonly<Record<string, unknown>>
}

/** What the upstream does with the nth request to /v1/messages since it was scripted, counted from 0. */
export type MessageScript = (
  response: ServerResponse,
  request: ReceivedMessage,
  nth: number,
) => void | Promise<void>

/** A scripted engine that speaks Anthropic's Messages on loopback. */
export interface AnthropicUpstream extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string
  /** Requests to /v1/messages since it was scripted. */
  readonly received: readonly ReceivedMessage[]
  /** Requests to /v1/messages/count_tokens since it was scripted. */
  readonly counted: readonly ReceivedMessage[]
  /** Requests whose connection was closed before they were answered. */
  readonly abandoned: number
  /** Sets what it answers from now on, and forgets what it received. */
  answer(script: MessageScript): void
  /** What it answers to a request to count tokens; 42 where never set. */
  count(script: MessageScript): void
}

export async function startAnthropic(models: readonly string[] = ['claude']): Promise<AnthropicUpstream> {
  const upstream = new Scripted(models)
  const server = createServer((request, response) => void upstream.serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  upstream.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1`
  upstream.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return upstream
}

class Scripted implements AnthropicUpstream {
  url = ''
  close: () => Promise<void> = () => Promise.resolve()
  received: ReceivedMessage[] = []
  counted: ReceivedMessage[] = []
  abandoned = 0
  private readonly models: readonly string[]
  private script: MessageScript = (response) => say(response, [{ type: 'text', pieces: ['Not scripted.'] }])
  private counting: MessageScript = (response) => reply(response, 200, { input_tokens: 42 })

  constructor(models: readonly string[]) {
    this.models = models
  }

  answer(script: MessageScript): void {
    this.script = script
    this.received = []
    this.counted = []
    this.abandoned = 0
  }

  count(script: MessageScript): void {
    this.counting = script
    this.counted = []
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? ''
    if (request.method !== 'POST') {
      const data = this.models.map((id) => ({ id, type: 'model' }))
      reply(response, path === '/v1/models' ? 200 : 404, { data, has_more: false })
      return
    }
    const body = await text(request)
    const received = { path, headers: request.headers, text: body, body: JSON.parse(body) }
    if (path === '/v1/messages/count_tokens') {
      this.counted.push(received)
      await this.counting(response, received, this.counted.length - 1)
      return
    }
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

/** A block of an answer, in the pieces in which it is streamed. */
export type ScriptedBlock =
  | { readonly type: 'text'; readonly pieces: readonly string[] }
  | { readonly type: 'thinking'; readonly pieces: readonly string[]; readonly signature: string }
  | { readonly type: 'redacted_thinking'; readonly data: string }
  | {
      readonly type: 'tool_use'
      readonly id: string
      readonly name: string
      readonly pieces: readonly string[]
    }

export interface Said {
  readonly stop?: string
  readonly sequence?: string
  /** Beside or instead of 7 tokens in and 3 out. */
  readonly usage?: Readonly<Record<string, unknown>>
}

const HEAD = { id: 'msg_scripted', type: 'message', role: 'assistant', model: 'claude-scripted' } as const
const MESSAGE_USAGE = { input_tokens: 7, output_tokens: 3 }

/** One event as the API writes it, its name before its data; now and then it pads the JSON with spaces. */
function messageEvent(type: string, fields: Readonly<Record<string, unknown>> = {}, pad = ''): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields }).slice(0, -1)}${pad}}\n\n`
}

/** The texts of all events of one answer, in order. */
export function messageEvents(blocks: readonly ScriptedBlock[], said: Said = {}): readonly string[] {
  const { usage, stop = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn' } = said
  const told = { ...MESSAGE_USAGE, ...usage }
  const { output_tokens, ...prompt } = told
  const message = {
    ...HEAD,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...prompt, output_tokens: 1 },
  }
  return [
    messageEvent('message_start', { message }),
    ...blocks.flatMap((block, index) => [
      messageEvent('content_block_start', { index, content_block: emptyOf(block) }, '  '),
      ...(index === 0 ? [messageEvent('ping')] : []),
      ...deltasOf(block).map((delta) => messageEvent('content_block_delta', { index, delta }, ' '.repeat(5))),
      messageEvent('content_block_stop', { index }, '        '),
    ]),
    messageEvent('message_delta', {
      delta: { stop_reason: stop, stop_sequence: said.sequence ?? null },
      usage: { output_tokens },
    }),
    messageEvent('message_stop', {}, '   '),
  ]
}

/** Answers with these blocks, in the form that was asked for. */
export function say(
  response: ServerResponse,
  blocks: readonly ScriptedBlock[],
  said: Said = {},
  request?: Pick<ReceivedMessage, 'body'>,
): void {
  if (request?.body['stream'] === true) {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    for (const event of messageEvents(blocks, said)) response.write(event)
    response.end()
    return
  }
  reply(response, 200, wholeMessage(blocks, said))
}

export function wholeMessage(blocks: readonly ScriptedBlock[], said: Said = {}): Record<string, unknown> {
  const { stop = blocks.some(({ type }) => type === 'tool_use') ? 'tool_use' : 'end_turn' } = said
  return {
    ...HEAD,
    content: blocks.map(wholeOf),
    stop_reason: stop,
    stop_sequence: said.sequence ?? null,
    usage: { ...MESSAGE_USAGE, ...said.usage },
  }
}

/** An error as the API says it. */
export function messageError(
  response: ServerResponse,
  status: number,
  type: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  reply(response, status, { type: 'error', error: { type, message } }, headers)
}

function emptyOf(block: ScriptedBlock): Record<string, unknown> {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'redacted_thinking':
      return { ...block }
    case 'tool_use':
      return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  }
}

function deltasOf(block: ScriptedBlock): readonly Record<string, unknown>[] {
  switch (block.type) {
    case 'text':
      return block.pieces.map((piece) => ({ type: 'text_delta', text: piece }))
    case 'thinking':
      return [
        ...block.pieces.map((piece) => ({ type: 'thinking_delta', thinking: piece })),
        { type: 'signature_delta', signature: block.signature },
      ]
    case 'redacted_thinking':
      return []
    case 'tool_use':
      return block.pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece }))
  }
}

function wholeOf(block: ScriptedBlock): Record<string, unknown> {
  switch (block.type) {
    case 'text':
      return { type: 'text', text: block.pieces.join('') }
    case 'thinking':
      return { type: 'thinking', thinking: block.pieces.join(''), signature: block.signature }
    case 'redacted_thinking':
      return { ...block }
    case 'tool_use':
      return {
        type: 'tool_use',
        id: block.id,
        name: block.name,
        input: JSON.parse(block.pieces.join('') || '{}'),
      }
  }
}

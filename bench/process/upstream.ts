import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A scripted engine that speaks Chat Completions, and Anthropic's Messages. What it does stands in the request's own text, so that one
 * engine serves every case at once: `events=50` events of `chars=20` characters, `gapMs=5` milliseconds apart
 * (0: all in one write), after `waitMs=100` milliseconds. Run by itself it prints its port and serves until
 * its standard input ends.
 */
export interface Upstream extends AsyncDisposable {
  /** The base URL, up to and including `/v1`. */
  readonly url: string
}

export async function startUpstream(port = 0): Promise<Upstream> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', 2_048, resolve))
  return {
    url: `http://127.0.0.1:${portOf(server)}/v1`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Script {
  readonly events: number
  readonly chars: number
  readonly gapMs: number
  readonly waitMs: number
}

const MODELS = JSON.stringify({ object: 'list', data: [{ id: 'small', object: 'model' }] })
const USAGE = { prompt_tokens: 7, completion_tokens: 50, total_tokens: 57 }
const STREAM = { 'content-type': 'text/event-stream' }

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') return sendJson(response, MODELS)
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString('latin1')
  const script = readScript(text)
  if (script.waitMs > 0) await sleep(script.waitMs)
  const messages = request.url?.endsWith('/messages') === true
  if (!/"stream":\s*true/.test(text))
    return sendJson(response, messages ? wholeMessage(script) : whole(script))
  if (script.gapMs === 0) {
    response.writeHead(200, STREAM)
    response.end(messages ? messageBurst(script) : burst(script))
    return
  }
  await trickle(response, script)
}

function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

function readScript(text: string): Script {
  const number = (name: string, unless: number): number =>
    Number(new RegExp(`\\b${name}=(\\d+)`).exec(text)?.[1] ?? unless)
  return {
    events: number('events', 50),
    chars: number('chars', 20),
    gapMs: number('gapMs', 0),
    waitMs: number('waitMs', 0),
  }
}

function whole({ events, chars }: Script): string {
  const content = word(chars).repeat(events)
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'small',
    choices,
    usage: USAGE,
  })
}

/** The same bursts are asked for again and again: made once, so that the engine costs little beside the proxy. */
const BURSTS = new Map<string, string>()
const BURSTS_MAX = 16

function burst(script: Script): string {
  return once(`chat ${JSON.stringify(script)}`, () => delta(script.chars).repeat(script.events) + ending())
}

function once(key: string, make: () => string): string {
  const known = BURSTS.get(key)
  if (known !== undefined) return known
  const made = make()
  if (BURSTS.size < BURSTS_MAX) BURSTS.set(key, made)
  return made
}

function wholeMessage({ events, chars }: Script): string {
  const content = [{ type: 'text', text: word(chars).repeat(events) }]
  return JSON.stringify({ ...MESSAGE, content, stop_reason: 'end_turn', stop_sequence: null, usage: TOLD })
}

const TOLD = { input_tokens: USAGE.prompt_tokens, output_tokens: USAGE.completion_tokens }
const MESSAGE = { id: 'msg_1', type: 'message', role: 'assistant', model: 'small' }

function messageBurst(script: Script): string {
  return once(`messages ${JSON.stringify(script)}`, () => {
    const message = { ...MESSAGE, content: [], stop_reason: null, stop_sequence: null, usage: TOLD }
    const text = { index: 0, content_block: { type: 'text', text: '' } }
    const piece = { index: 0, delta: { type: 'text_delta', text: word(script.chars) } }
    const ends = { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: TOLD }
    return [
      named('message_start', { message }),
      named('content_block_start', text),
      named('content_block_delta', piece).repeat(script.events),
      named('content_block_stop', { index: 0 }),
      named('message_delta', ends),
      named('message_stop', {}),
    ].join('')
  })
}

function named(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

async function trickle(response: ServerResponse, { events, chars, gapMs }: Script): Promise<void> {
  response.writeHead(200, STREAM)
  const text = delta(chars)
  for (let index = 0; index < events && !response.destroyed; index++) {
    if (!response.write(text)) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
    }
    await sleep(gapMs)
  }
  response.end(ending())
}

function delta(chars: number): string {
  return chunk([{ index: 0, delta: { content: word(chars) }, finish_reason: null }])
}

function ending(): string {
  return `${chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])}${chunk([], USAGE)}data: [DONE]\n\n`
}

function chunk(choices: readonly object[], usage?: object): string {
  const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'small', choices }
  return `data: ${JSON.stringify(usage === undefined ? head : { ...head, usage })}\n\n`
}

function word(chars: number): string {
  return 'word '.repeat(Math.ceil(chars / 5)).slice(0, chars)
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the engine listens on no port')
  return address.port
}

if (import.meta.main) {
  const upstream = await startUpstream()
  process.stdout.write(`${upstream.url}\n`)
  process.stdin.resume().once('end', () => void upstream[Symbol.asyncDispose]())
}

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { costMicros, type Price } from '../../src/contract/usage.ts'

/**
 * A scripted engine that keeps its own books: what it would bill, by the key that a request names. Whatever Upshift
 * believes, this is what was really used. A process of its own, so that it outlives the server.
 *
 * DESIGN. The script stands in the last message: `key=3 nonce=81 tokens=40 gapMs=2 fault=none`. It bills a token for
 * every PROMPT_CHARS_PER_TOKEN characters of prompt, from the moment that it begins, and each token of the answer as it
 * is made; it stops where its client has gone. Faults strike the first attempt of a nonce alone, so that a retry
 * succeeds: `refuse` answers 500 and bills nothing, `drop` bills the whole answer and closes without one, `cut` closes
 * in the middle of it.
 */
export interface Books {
  /** By key: micro-dollars, and how often it began an answer. */
  readonly byKey: Readonly<Record<string, { readonly micros: number; readonly begun: number }>>
  /** Requests that it is still answering. */
  readonly underWay: number
}

export interface BillingEngine extends AsyncDisposable {
  readonly url: string
  books(): Promise<Books>
}

export const PRICE_USD = { input: 1, output: 4 }
export const FAULTS = ['none', 'refuse', 'drop', 'cut'] as const
export type Fault = (typeof FAULTS)[number]

const PRICE: Price = { inputPerMillion: 1_000_000, outputPerMillion: 4_000_000 }
const PROMPT_CHARS_PER_TOKEN = 4
const BODY_BYTES_MAX = 1_048_576
const WORD = 'word '

export async function forkBillingEngine(): Promise<BillingEngine> {
  const child = fork(fileURLToPath(import.meta.url))
  const [first]: { url: string }[] = await once(child, 'message')
  if (first === undefined) throw new Error('the engine sent no address')
  return {
    url: first.url,
    books: async () => {
      child.send('books')
      const [books]: Books[] = await once(child, 'message')
      if (books === undefined) throw new Error('the engine sent no books')
      return books
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
  }
}

interface Script {
  readonly key: string
  readonly nonce: string
  readonly tokens: number
  readonly gapMs: number
  readonly fault: Fault
  readonly stream: boolean
  readonly promptTokens: number
}

class Engine {
  readonly #bills = new Map<string, { micros: number; begun: number }>()
  /** Nonces whose fault has struck. */
  readonly #struck = new Set<string>()
  #underWay = 0

  books(): Books {
    return { byKey: Object.fromEntries(this.#bills), underWay: this.#underWay }
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET')
      return json(response, { object: 'list', data: [{ id: 'small', object: 'model' }] })
    const script = scriptOf(await readBody(request))
    const fault = this.#faultOf(script)
    if (fault === 'refuse') return json(response, { error: { message: 'scripted' } }, 500)
    this.#underWay += 1
    const made = { tokens: 0 }
    try {
      await (script.stream ? stream(response, script, fault, made) : whole(response, script, fault, made))
    } finally {
      this.#underWay -= 1
      this.#bill(script, made.tokens)
    }
  }

  #faultOf({ nonce, fault }: Script): Fault {
    if (fault === 'none' || this.#struck.delete(nonce)) return 'none'
    this.#struck.add(nonce)
    return fault
  }

  #bill({ key, promptTokens }: Script, completionTokens: number): void {
    const bill = this.#bills.get(key) ?? { micros: 0, begun: 0 }
    bill.micros += costMicros(PRICE, { promptTokens, completionTokens })
    bill.begun += 1
    this.#bills.set(key, bill)
  }
}

interface Made {
  tokens: number
}

async function whole(response: ServerResponse, script: Script, fault: Fault, made: Made): Promise<void> {
  for (; made.tokens < script.tokens && !response.destroyed; made.tokens++) {
    if (fault === 'cut' && made.tokens * 2 >= script.tokens) return void response.destroy()
    if (script.gapMs > 0) await sleep(script.gapMs)
  }
  if (fault === 'drop') return void response.destroy()
  const message = { role: 'assistant', content: WORD.repeat(script.tokens) }
  const choices = [{ index: 0, message, finish_reason: 'stop' }]
  json(response, { ...HEAD, object: 'chat.completion', choices, usage: usageOf(script) })
}

async function stream(response: ServerResponse, script: Script, fault: Fault, made: Made): Promise<void> {
  if (fault === 'drop') {
    made.tokens = script.tokens
    return void response.destroy()
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (; made.tokens < script.tokens && !response.destroyed; made.tokens++) {
    if (fault === 'cut' && made.tokens * 2 >= script.tokens) return void response.destroy()
    response.write(chunk([{ index: 0, delta: { content: WORD }, finish_reason: null }]))
    if (script.gapMs > 0) await sleep(script.gapMs)
  }
  const finish = chunk([{ index: 0, delta: {}, finish_reason: 'stop' }])
  response.end(`${finish}${chunk([], usageOf(script))}data: [DONE]\n\n`)
}

const HEAD = { id: 'chatcmpl-1', created: 1, model: 'small' }

function chunk(choices: readonly object[], usage?: object): string {
  const body = {
    ...HEAD,
    object: 'chat.completion.chunk',
    choices,
    ...(usage === undefined ? {} : { usage }),
  }
  return `data: ${JSON.stringify(body)}\n\n`
}

function usageOf({ promptTokens, tokens }: Script): object {
  return { prompt_tokens: promptTokens, completion_tokens: tokens, total_tokens: promptTokens + tokens }
}

function json(response: ServerResponse, value: object, status = 200): void {
  const text = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request) {
    // No encoding is set, so bytes come as buffers.
    const buffer = piece as Buffer
    bytes += buffer.length
    if (bytes > BODY_BYTES_MAX) throw new Error(`a request has more than ${BODY_BYTES_MAX} bytes`)
    pieces.push(buffer)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function scriptOf(text: string): Script {
  // A parser: the trials and Upshift write these requests.
  const body = JSON.parse(text) as {
    stream?: boolean
    max_tokens?: number
    max_completion_tokens?: number
    messages: { content: string }[]
  }
  const prompt = body.messages.map(({ content }) => content).join('\n')
  const field = (name: string): string => new RegExp(`\\b${name}=(\\w+)`).exec(prompt)?.[1] ?? ''
  const wanted = Number(field('tokens'))
  // An engine keeps to the limit that it is given.
  const limit = body.max_completion_tokens ?? body.max_tokens ?? wanted
  return {
    key: field('key'),
    nonce: field('nonce'),
    tokens: Math.min(wanted, limit),
    gapMs: Number(field('gapMs')),
    fault: FAULTS.find((fault) => fault === field('fault')) ?? 'none',
    stream: body.stream === true,
    promptTokens: Math.ceil(prompt.length / PROMPT_CHARS_PER_TOKEN),
  }
}

if (import.meta.main) {
  const engine = new Engine()
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    // A client that goes in the middle is what the trials are about; its answer is billed as far as it came.
    engine.answer(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1', 2_048, () => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the engine listens on no port')
    process.send?.({ url: `http://127.0.0.1:${address.port}/v1` })
  })
  process.on('message', () => process.send?.(engine.books()))
  process.on('disconnect', () => process.exit())
}

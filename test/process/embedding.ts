import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { type Embedder, embedded, startEmbedder } from './embedder.ts'
import { type Reply, send } from './send.ts'
import { type RunningServer, startServer } from './server.ts'
import { configOf } from './settings.ts'

/** $1 a million tokens: a micro-dollar each. */
const MODELS = [{ name: 'text-embed', price: { input: 1, output: 0 } }]
/** Engines that are known to write base64, and one that is not; `busy` rests for a while where it is told to. */
const KINDS = { one: 'vllm', plain: 'openai-compatible', busy: 'vllm' }

/** What `auto` means here. */
export const MODEL = 'one/text-embed'

/** A server whose embedding models are scripted: `two/text-embed` has two replicas, all others one. */
export interface Embedding extends AsyncDisposable {
  readonly server: RunningServer
  readonly embedder: Embedder
  /** The other replica of `two/text-embed`. */
  readonly second: Embedder
  /** OpenAI's own client, with this key; the owner's where absent. */
  client(apiKey?: string): OpenAI
  /** Both engines answer as engines do, and forget what they were asked. */
  reset(): void
}

export async function startEmbedding(): Promise<Embedding> {
  await using starting = new AsyncDisposableStack()
  const embedder = starting.use(await startEmbedder(['text-embed', 'chatty', 'text-embedding-3-small']))
  const second = starting.use(await startEmbedder(['text-embed']))
  const engines = Object.fromEntries(
    Object.entries(KINDS).map(([name, kind]) => [name, { kind, url: embedder.url, models: MODELS }]),
  )
  const two = { kind: 'vllm', urls: [embedder.url, second.url], models: MODELS }
  const config = configOf({ ...engines, two }, { route: { embeddings: { model: MODEL } } })
  const server = starting.use(await startServer({ config }))
  const held = starting.move()
  return {
    server,
    embedder,
    second,
    client: (apiKey = server.key) => new OpenAI({ baseURL: `${server.address}/v1`, apiKey, maxRetries: 0 }),
    reset: () => {
      embedder.answer(embedded)
      second.answer(embedded)
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Sends a request for embeddings as JSON. */
export function embed(server: RunningServer, request: object, headers = {}): Promise<Reply> {
  return send(server, { path: '/v1/embeddings', body: JSON.stringify(request), headers })
}

/** What an answer says, where it is one. */
export function answered(answer: Reply) {
  assert.equal(answer.status, 200, answer.text)
  return JSON.parse(answer.text)
}

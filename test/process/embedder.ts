import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import * as z from 'zod'
import { reply } from './upstream.ts'

const bodySchema = z.looseObject({
  model: z.string(),
  input: z.array(z.union([z.string(), z.array(z.number())])),
  encoding_format: z.string().optional(),
  dimensions: z.number().optional(),
})

/** One request for embeddings as the engine received it. */
export type Asked = z.infer<typeof bodySchema>

/** What the engine does with the nth request since it was scripted, counted from 0. */
export type EmbedScript = (response: ServerResponse, asked: Asked, nth: number) => void | Promise<void>

/** A scripted engine on loopback that lists models and embeds. */
export interface Embedder extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string
  /** Requests since it was scripted. */
  readonly asked: readonly Asked[]
  /** Requests whose connection was closed before they were answered. */
  readonly abandoned: number
  /** Connections ever made, whatever for. */
  readonly connections: number
  /** Sets what it answers from now on, and forgets what it was asked. */
  answer(script: EmbedScript): void
}

export async function startEmbedder(models: readonly string[]): Promise<Embedder> {
  const embedder = new Scripted(models)
  const server = createServer((request, response) => void embedder.serve(request, response))
  server.on('connection', () => {
    embedder.connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  embedder.url = `http://127.0.0.1:${port}/v1`
  embedder.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return embedder
}

class Scripted implements Embedder {
  url = ''
  close: () => Promise<void> = () => Promise.resolve()
  asked: Asked[] = []
  abandoned = 0
  connections = 0
  readonly #models: readonly string[]
  #script: EmbedScript = embedded

  constructor(models: readonly string[]) {
    this.#models = models
  }

  answer(script: EmbedScript): void {
    this.#script = script
    this.asked = []
    this.abandoned = 0
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST' || request.url?.endsWith('/embeddings') !== true) {
      const data = this.#models.map((id) => ({ id, object: 'model' }))
      if (request.url?.endsWith('/models') === true) reply(response, 200, { object: 'list', data })
      else reply(response, 404, { error: { message: 'not here' } })
      return
    }
    const asked = bodySchema.parse(await json(request))
    const since = this.asked
    since.push(asked)
    response.once('close', () => {
      if (!response.writableFinished && this.asked === since) this.abandoned += 1
    })
    await this.#script(response, asked, since.length - 1)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

const DIMENSIONS = 8

/** What this engine makes of an input: its length, a value that float32 must round, and zeros. */
export function vectorOf(input: Asked['input'][number], dimensions = DIMENSIONS): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, at) => [input.length, 0.1, -1e-7][at] ?? 0)
}

/** Tokens as this engine counts them: one an input, and one for each character. */
export function tokensOf(inputs: Asked['input']): number {
  return inputs.reduce((sum, input) => sum + input.length + 1, 0)
}

/** A list of such vectors in the format that was asked for. */
export function listOf(
  { input, encoding_format: format, dimensions, model }: Asked,
  vector: (one: Asked['input'][number], index: number) => Iterable<number> = (one) =>
    vectorOf(one, dimensions),
): { object: string; data: object[]; model: string; usage: object } {
  const tokens = tokensOf(input)
  const data = input.map((one, index) => {
    const values = Float32Array.from(vector(one, index))
    const embedding = format === 'base64' ? Buffer.from(values.buffer).toString('base64') : [...values]
    return { object: 'embedding', index, embedding }
  })
  return { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

/** Answers as an engine does. */
export function embedded(response: ServerResponse, asked: Asked): void {
  reply(response, 200, listOf(asked))
}

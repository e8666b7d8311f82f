import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import * as z from 'zod'
import { reply } from './upstream.ts'

const bodySchema = z.strictObject({
  model: z.string(),
  query: z.string(),
  documents: z.array(z.string()),
  top_n: z.number(),
})

/** One request to rerank as the server received it. */
export type Reranking = z.infer<typeof bodySchema>

/** What the server does with a request. */
export type RerankScript = (response: ServerResponse, asked: Reranking) => void

/** A scripted reranker on loopback. */
export interface ScriptedReranker extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly url: string
  /** Requests since it was scripted. */
  readonly asked: readonly Reranking[]
  answer(script: RerankScript): void
}

export async function startReranker(): Promise<ScriptedReranker> {
  let script: RerankScript = () => undefined
  let asked: Reranking[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST' || request.url !== '/v1/rerank') {
      reply(response, 404, { error: { message: 'not here' } })
      return
    }
    const one = bodySchema.parse(await json(request))
    asked.push(one)
    script(response, one)
  }
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v1`,
    get asked() {
      return asked
    },
    answer: (next) => {
      script = next
      asked = []
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Scores passages by how often they hold a word. */
export const byWord =
  (word: string): RerankScript =>
  (response, { documents }) =>
    reply(response, 200, {
      results: documents.map((text, index) => ({ index, relevance_score: text.split(word).length - 1 })),
    })

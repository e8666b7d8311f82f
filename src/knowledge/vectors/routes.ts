import type { Caller } from '../../contract/caller.ts'
import { isRefusal, type Refusal } from '../../contract/problem.ts'
import { type Route, route } from '../../contract/route.ts'
import { assert } from '../../lib/assert.ts'
import { toBase64 } from '../../lib/float32.ts'
import { EMBED_PATH, embedBody, embedReply } from './embedder.ts'

/** What makes vectors of documents. */
export interface EmbedPort {
  embed(
    model: string,
    texts: readonly string[],
    by: { readonly caller: Caller; readonly signal: AbortSignal },
  ): Promise<{ readonly model: string; readonly vectors: readonly (Float32Array | Float64Array)[] } | Refusal>
}

/** What `knowledge add` asks: for the owner, who alone changes collections. */
export function vectorRoutes(port: EmbedPort): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: EMBED_PATH,
      access: 'owner',
      summary:
        'Make vectors of passages for a collection, as POST /v1/embeddings does; the record has the request, and no text of it.',
      body: embedBody,
      answers: embedReply,
      handle: async ({ body, caller, signal }) => {
        assert(caller?.owner, 'passages were embedded by someone who is not the owner')
        const made = await port.embed(body.model, body.texts, { caller, signal })
        if ('type' in made && isRefusal(made)) return made
        return { model: made.model, vectors: made.vectors.map(toBase64) }
      },
    }),
  ]
}

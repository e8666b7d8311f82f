import * as z from 'zod'
import { expectJson } from '../../contract/reply.ts'
import type { ServerPort } from '../../contract/verb.ts'
import { fromBase64 } from '../../lib/float32.ts'

/** Makes vectors of texts by one model that was named. */
export interface Embedder {
  /** The model as it was named. */
  readonly wanted: string
  /** One vector for each text, in their order. Throws UpshiftError with the path's own refusal. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Embedded>
}

export interface Embedded {
  /** The exact model, `engine/name`. */
  readonly model: string
  readonly vectors: readonly Float32Array[]
}

/** Texts of one call. */
export const EMBED_TEXTS_MAX = 64
/** Of one text, in UTF-16 units. */
const EMBED_TEXT_MAX = 20_000
export const EMBED_PATH = '/v1/admin/knowledge/embed'

export const embedBody = z.strictObject({
  model: z.string().min(1).max(256).meta({ description: 'A model that embeds, an alias, or `auto`.' }),
  texts: z.array(z.string().min(1).max(EMBED_TEXT_MAX)).min(1).max(EMBED_TEXTS_MAX),
})

export const embedReply = z.object({
  model: z.string().meta({ description: 'The exact model that made the vectors.' }),
  vectors: z.array(z.string()).meta({ description: 'float32 values in little-endian order as base64.' }),
})

/**
 * The home's server, on whose path every call is authorised, guarded, capped and recorded; unlike POST /v1/embeddings
 * it keeps no text: a document that is forgotten must not lie in the vault.
 */
export function serverEmbedder(server: () => Promise<ServerPort>, wanted: string): Embedder {
  return {
    wanted,
    embed: async (texts, signal) => {
      const body = { model: wanted, texts }
      const reply = await (await server()).call('POST', EMBED_PATH, body, signal)
      const { model, vectors } = await expectJson(reply, embedReply)
      const decoded = vectors.flatMap((one) => fromBase64(one) ?? [])
      if (decoded.length !== texts.length) {
        throw new Error(`the server made ${decoded.length} vectors of ${texts.length} texts`)
      }
      return { model, vectors: decoded }
    },
  }
}

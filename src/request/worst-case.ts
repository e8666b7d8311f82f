import type { Ask } from '../contract/ask.ts'
import type { ChatRequest } from '../contract/chat.ts'
import type { EmbedInput } from '../contract/embed.ts'
import type { CacheLife } from '../contract/native.ts'

/** What a chat template may add to a message: role, separators, names; and a model to what it embeds. */
const TEMPLATE_TOKENS_PER_MESSAGE = 16
/** More than any vendor named in the catalogue charges for one image at the highest detail. */
const TOKENS_PER_IMAGE = 16_384
/**
 * A file may hold anything, also one that is sent: a PDF's pages are compressed, and read as text and as images. Vendors
 * bound what they read of one near this.
 */
const TOKENS_PER_FILE = 262_144
/** What a vendor puts before the first tool to say how tools are called: Anthropic states some hundreds of tokens. */
const TOKENS_FOR_TOOLS = 1_024

/**
 * An upper bound on the tokens of a prompt, without a tokenizer: a byte-level tokenizer makes at most one token
 * of one byte, and the request's JSON has no fewer bytes than its text. So the bound holds for any language and
 * any model; ordinary English is about four times below it. Images are counted apart, because what they cost
 * goes by their size in pixels and not by the bytes of their encoding; so are files.
 */
export function promptTokensBound({ request, bytes }: Pick<Ask, 'request' | 'bytes'>): number {
  let images = 0
  let imageBytes = 0
  let files = 0
  for (const { content } of request.messages) {
    if (!Array.isArray(content)) continue
    for (const part of content) {
      if (part.type === 'image_url') {
        images += 1
        imageBytes += part.image_url.url.length
      } else if (part.type === 'file') files += 1
    }
  }
  const tools = (request.tools?.length ?? 0) > 0 ? TOKENS_FOR_TOOLS : 0
  const template = request.messages.length * TEMPLATE_TOKENS_PER_MESSAGE + tools
  return Math.max(0, bytes - imageBytes) + template + images * TOKENS_PER_IMAGE + files * TOKENS_PER_FILE
}

/**
 * The dearest prompt cache that a request marks, wherever Messages or a chat request has such a mark; undefined where
 * it marks none. An engine that bills what it writes to its cache may bill the whole prompt at that rate.
 */
export function cacheLifeOf(request: ChatRequest): CacheLife | undefined {
  if (request.native !== undefined) return request.native.cache
  let life = lifeOf(request, undefined)
  for (const message of request.messages) {
    life = lifeOf(message, life)
    if (Array.isArray(message.content)) for (const part of message.content) life = lifeOf(part, life)
  }
  for (const tool of request.tools ?? []) life = lifeOf(tool.function, lifeOf(tool, life))
  return life
}

function lifeOf(
  marked: { readonly [field: string]: unknown },
  life: CacheLife | undefined,
): CacheLife | undefined {
  const mark = marked['cache_control']
  if (typeof mark !== 'object' || mark === null) return life
  return 'ttl' in mark && mark.ttl !== '5m' ? '1h' : (life ?? '5m')
}

/** The same for what is to be embedded: a token a byte of text, each token as it is, and what is put around an input. */
export function inputTokensBound(inputs: readonly EmbedInput[]): number {
  let tokens = 0
  for (const input of inputs) {
    tokens += typeof input === 'string' ? Buffer.byteLength(input) : input.length
    tokens += TEMPLATE_TOKENS_PER_MESSAGE
  }
  return tokens
}

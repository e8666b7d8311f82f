import type { Ask } from '../contract/ask.ts'
import type { EmbedInput } from '../contract/embed.ts'

/** What a chat template may add to a message: role, separators, names; and a model to what it embeds. */
const TEMPLATE_TOKENS_PER_MESSAGE = 16
/** More than any vendor named in the catalogue charges for one image at the highest detail. */
const TOKENS_PER_IMAGE = 16_384
/**
 * A file may hold anything, also one that is sent: a PDF's pages are compressed, and read as text and as images. Vendors
 * bound what they read of one near this.
 */
const TOKENS_PER_FILE = 262_144

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
  const template = request.messages.length * TEMPLATE_TOKENS_PER_MESSAGE
  return Math.max(0, bytes - imageBytes) + template + images * TOKENS_PER_IMAGE + files * TOKENS_PER_FILE
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

import type { ChatMessage, ChatRequest } from '../contract/chat.ts'
import type { EmbedInput } from '../contract/embed.ts'
import type { Verdict } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import { textsOf } from '../contract/text.ts'
import type { OpenAiTarget } from './target.ts'

/**
 * A lower bound on tokens: a token of prose or code, in any script and with any tokenizer in use, covers at most
 * six bytes on average once runs of white space count as one byte (English measures 4 to 5, Chinese about 3).
 * Text made of one repeated character can beat it; such a prompt is refused too early.
 */
const BYTES_PER_TOKEN_AT_MOST = 6
/** Below this many bytes a token even dense code and Chinese fit: no prompt under it can have been cut. */
const BYTES_PER_TOKEN_AT_LEAST = 2

export type ContextFit =
  | { readonly type: 'fits'; readonly verdicts: readonly Verdict[] }
  | { readonly type: 'exceeds'; readonly problem: Problem }

const FITS: ContextFit = { type: 'fits', verdicts: [] }

/**
 * Looks at a prompt for an engine that cuts what does not fit and answers 200. What is certainly too long is
 * refused; what may be too long is sent, and the answer's verdicts say that nobody checked. For every other
 * engine this is the engine's own business: it refuses with a 400.
 */
export function checkContext(target: OpenAiTarget, request: ChatRequest): ContextFit {
  const { contextTokens } = target
  if (!target.quirks.cutsSilently || contextTokens === undefined) return FITS
  return fitOf(target, promptTexts(request), contextTokens)
}

/** The same for what is embedded: each input has the whole context to itself, and the first that does not fit decides. */
export function checkInputs(target: OpenAiTarget, inputs: readonly EmbedInput[]): ContextFit {
  const { contextTokens } = target
  let verdicts: readonly Verdict[] = []
  if (!target.quirks.cutsSilently || contextTokens === undefined) return { type: 'fits', verdicts }
  for (const input of inputs) {
    const fit = typeof input === 'string' ? fitOf(target, [input], contextTokens) : undefined
    if (fit?.type === 'exceeds') return { ...fit, problem: { ...fit.problem, param: 'input' } }
    if (fit === undefined && input.length > contextTokens) {
      return { type: 'exceeds', problem: { ...exceeds(target, contextTokens, input.length), param: 'input' } }
    }
    if (fit !== undefined && fit.verdicts.length > 0) verdicts = fit.verdicts
  }
  return { type: 'fits', verdicts }
}

function fitOf(target: OpenAiTarget, texts: readonly string[], contextTokens: number): ContextFit {
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (bytes <= contextTokens * BYTES_PER_TOKEN_AT_LEAST) return FITS
  const dense = bytes > contextTokens * BYTES_PER_TOKEN_AT_MOST ? denseBytes(texts) : bytes
  const tokens = Math.floor(dense / BYTES_PER_TOKEN_AT_MOST)
  if (tokens > contextTokens) return { type: 'exceeds', problem: exceeds(target, contextTokens, tokens) }
  const detail =
    `the prompt has ${bytes} bytes of text; engine ${target.engine} cuts what does not fit in its ` +
    `${contextTokens} tokens without saying so, and whether it did is not known`
  return { type: 'fits', verdicts: [{ check: 'context', outcome: 'skipped', detail }] }
}

function exceeds(target: OpenAiTarget, contextTokens: number, tokens: number): Problem {
  return {
    code: 'context_length_exceeded',
    message:
      `The prompt has at least ${tokens} tokens (one for every ${BYTES_PER_TOKEN_AT_MOST} bytes of text), more ` +
      `than the ${contextTokens} that engine ${target.engine} has loaded ${target.name} with; it would cut the ` +
      'prompt without saying so. Send less, use a model with a longer context, or raise the engine’s context ' +
      'length (Ollama: OLLAMA_CONTEXT_LENGTH, or num_ctx in a Modelfile).',
    param: 'messages',
  }
}

function denseBytes(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text.replace(/\s+/g, ' ')), 0)
}

/** What becomes text for the model: contents, tool calls and tool schemas; never images, audio or files. */
function promptTexts(request: ChatRequest): string[] {
  const texts = request.messages.flatMap(messageTexts)
  if (request.tools !== undefined) texts.push(JSON.stringify(request.tools))
  return texts
}

function messageTexts(message: ChatMessage): string[] {
  const texts = [...textsOf(message)]
  if (message.role === 'assistant') {
    for (const call of message.tool_calls ?? []) texts.push(call.function.name, call.function.arguments)
  }
  return texts
}

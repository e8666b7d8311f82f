import type { Call } from '../../contract/call.ts'
import type { ChatMessage, ChatRequest } from '../../contract/chat.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import { mediumIn, textsOf } from '../../contract/text.ts'
import { reasoningOf } from '../extensions.ts'
import type { Begun, Job, Sampling, TemplateMessage } from './protocol.ts'

/** llama.cpp's own defaults, which small models are usually tuned with. Source: its `common_params_sampling`. */
const TEMPERATURE = 0.8
const TOP_P = 0.95
const TOP_K = 40
const MIN_P = 0.05
/** llama.cpp takes the greatest number of 32 bits for the wish to be surprised. */
const SEEDS = 2 ** 32 - 1

/**
 * What one choice of a request asks of the model. `id` is the process's own, and never given twice. Refuses what a
 * local model cannot read: `invalid_request` with the field.
 */
export function jobOf(call: Call, id: string, seed: number): Job | Refusal {
  const { request } = call
  const begun = begunBy(call)
  if (begun !== undefined && isRefusal(begun)) return begun
  const messages: TemplateMessage[] = []
  for (const [index, message] of request.messages.entries()) {
    if (begun !== undefined && index === request.messages.length - 1) break
    const kind = mediumIn(message)
    if (kind !== undefined) {
      const text = `A local model reads text only, and message ${index} holds a part of type "${kind}". Leave it out, or ask a model that reads it.`
      return refuse('invalid_request', text, { param: `messages.${index}.content` })
    }
    messages.push(templateMessage(message))
  }
  const bias = biasOf(request)
  if (isRefusal(bias)) return bias
  const { logprobs, top_logprobs, stop } = request
  return {
    type: 'generate',
    id,
    caller: call.caller,
    messages,
    thinking: thinks(request),
    maxTokens: call.maxOutputTokens,
    sampling: samplingOf(request, ((seed % SEEDS) + SEEDS) % SEEDS, bias),
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    ...(request.tools === undefined || request.tool_choice === 'none' ? {} : { tools: request.tools }),
    ...formOf(request),
    ...(begun === undefined ? {} : { begun }),
    ...(logprobs === true ? { logprobs: top_logprobs ?? 0 } : {}),
  }
}

/**
 * What the model has said of its answer already: the last message, where the path goes on with an answer that broke
 * off, or where a caller says so by vLLM's `continue_final_message`. Refuses a message that is no such beginning.
 */
function begunBy({ request, continues }: Call): Begun | Refusal | undefined {
  if (continues !== true && request['continue_final_message'] !== true) return undefined
  const last = request.messages.at(-1)
  const calls = last?.role === 'assistant' ? (last.tool_calls?.length ?? 0) : 0
  if (last?.role !== 'assistant' || typeof last.content !== 'string' || calls > 0) {
    const text =
      'continue_final_message goes on from the last message, which must be a text of the assistant. Make it one, or leave the field out.'
    return refuse('invalid_request', text, { param: 'messages' })
  }
  return last.content === '' ? undefined : { text: last.content, seeded: request.seed != null }
}

/** Of a request whose answer may have any form, nothing. */
function formOf(request: ChatRequest): Pick<Job, 'form'> {
  const { tools, tool_choice, parallel_tool_calls, response_format } = request
  const isPlain = (response_format?.type ?? 'text') === 'text'
  if (isPlain && (tools === undefined || tools.length === 0 || tool_choice === 'none')) return {}
  const given = Object.entries({ tools, tool_choice, parallel_tool_calls, response_format })
  // As it came, without what was not said: equal forms are one key.
  return { form: Object.fromEntries(given.filter(([, value]) => value !== undefined)) }
}

/** As chat templates expect it: plain text, and arguments of tool calls as objects. */
function templateMessage(message: ChatMessage): TemplateMessage {
  const content = textsOf(message).join('\n')
  const role = message.role === 'developer' ? 'system' : message.role
  if (message.role === 'tool') return { role, content, tool_call_id: message.tool_call_id }
  const reasoning = reasoningOf(message)
  const thought = reasoning === undefined ? {} : { reasoning_content: reasoning }
  if (message.role !== 'assistant' || message.tool_calls === undefined) return { role, content, ...thought }
  const calls = message.tool_calls.map(({ id, type, function: { name, arguments: text } }) => ({
    id,
    type,
    function: { name, arguments: parsedArguments(text) },
  }))
  return { role, content, ...thought, tool_calls: calls }
}

/** Text that is no JSON goes into the template as it is: it is what the model printed. */
function parsedArguments(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** Thinking aloud costs tokens, and does not fit into an answer that must follow a grammar from its first one. */
function thinks({ reasoning_effort: effort, response_format: format }: ChatRequest): boolean {
  if (format?.type === 'json_schema' || format?.type === 'json_object') return false
  return effort !== 'none' && effort !== 'minimal'
}

function biasOf({ logit_bias: wished }: ChatRequest): Sampling['logitBias'] | Refusal {
  const bias: [number, number][] = []
  for (const [token, logit] of Object.entries(wished ?? {})) {
    if (!/^\d{1,9}$/.test(token)) {
      const text = `logit_bias is by the numbers of tokens, and "${token.slice(0, 40)}" is none.`
      return refuse('invalid_request', text, { param: 'logit_bias' })
    }
    bias.push([Number(token), logit])
  }
  return bias
}

/**
 * With log probabilities the whole vocabulary is kept, unless the caller cuts it, so that they are those of the
 * model's own distribution: the same seed then says something else than without.
 */
function samplingOf(request: ChatRequest, seed: number, logitBias: Sampling['logitBias']): Sampling {
  const whole = request.logprobs === true
  return {
    temperature: request.temperature ?? TEMPERATURE,
    topP: request.top_p ?? (whole ? 1 : TOP_P),
    topK: numberIn(request, 'top_k') ?? (whole ? 0 : TOP_K),
    minP: numberIn(request, 'min_p') ?? (whole ? 0 : MIN_P),
    seed,
    frequencyPenalty: request.frequency_penalty ?? 0,
    presencePenalty: request.presence_penalty ?? 0,
    repeatPenalty: numberIn(request, 'repeat_penalty') ?? 1,
    logitBias,
  }
}

/** llama.cpp's own fields beside OpenAI's, as its server takes them. */
function numberIn(request: ChatRequest, field: 'top_k' | 'min_p' | 'repeat_penalty'): number | undefined {
  const value: unknown = request[field]
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined
}

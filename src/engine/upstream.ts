import type { IncomingHttpHeaders } from 'node:http'
import type { Problem } from '../contract/problem.ts'
import { parseRetryAfterMs, RETRY_AFTER_MAX_MS } from './retry-after.ts'
import type { Target } from './target.ts'

/**
 * DESIGN. What an engine says when it refuses, turned into one of our problems. The status decides the code; the
 * body only refines it (a context that is too long, a quota that is used up). Bodies come in many shapes and
 * proxies add their own, so one reader takes whatever of them it recognises and treats all of it as untrusted
 * text: bounded, cleaned of control characters, and with our own key struck out.
 */

/** An upstream's message is passed on up to this many characters. */
export const MESSAGE_MAX_CHARACTERS = 1_000
const PARAM_MAX_CHARACTERS = 200

/** Anthropic's own status for a service that is overloaded. Source: its API reference, "Errors". */
const OVERLOADED = 529

/** What was found in an error body; every field is optional because every engine leaves some out. */
interface ErrorBody {
  readonly message?: string
  readonly code?: string
  readonly type?: string
  readonly param?: string
  /** An HTTP status named inside the body. */
  readonly status?: number
  readonly retryAfterMs?: number
}

/**
 * The problem for a response whose status is not 2xx.
 *
 * @param body - the response's text, already bounded
 * @param nowMs - milliseconds since the epoch, for a Retry-After that is a date
 */
export function problemOfResponse(
  target: Target,
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  nowMs: number,
): Problem {
  if (status >= 300 && status < 400) return redirected(target, status, headers)
  return problemOf(target, status, readErrorBody(body), parseRetryAfterMs(headers, nowMs))
}

/** The problem for an error that came inside a 200: as an SSE event or as the body. */
export function problemOfErrorValue(target: Target, value: unknown): Problem {
  const error = fromJson(value)
  const status = error.status ?? statusOfType(error)
  return problemOf(target, status, error, undefined)
}

function problemOf(target: Target, status: number, error: ErrorBody, retryHeaderMs?: number): Problem {
  const engine = `Engine ${target.engine}`
  const said = quote(target, error)
  const retryAfterMs = retryHeaderMs ?? error.retryAfterMs
  const retry = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (isContextLength(error)) {
    return {
      code: 'context_length_exceeded',
      message: `${engine} says that the request is longer than the context of ${target.name}${said}. Send less, or use a model with a longer context.`,
      param: 'messages',
    }
  }
  if (status === 401 || status === 403) {
    return {
      code: 'upstream_unauthorized',
      message: `${engine} refused our key with status ${status}${said}. Check the API key configured for engine ${target.engine} and what it may use.`,
    }
  }
  if (status === 402 || (status === 429 && isQuota(error)) || (status === 400 && isCreditLow(error))) {
    return {
      code: 'upstream_rate_limited',
      message: `${engine} says that its account has no credit left (status ${status})${said}. Top it up, or use another engine; trying again soon will not help.`,
      retryAfterMs: RETRY_AFTER_MAX_MS,
    }
  }
  if (status === 429) {
    const when = retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} s`
    return {
      code: 'upstream_rate_limited',
      message: `${engine} is limiting our rate${said}. Try again ${when}.`,
      ...retry,
    }
  }
  if (status === OVERLOADED) {
    return {
      code: 'upstream_overloaded',
      message: `${engine} has more work than it can take${said}. Try again in a moment, or use another engine.`,
      ...retry,
    }
  }
  if (status === 408 || status === 504) {
    return {
      code: 'upstream_timeout',
      message: `${engine} gave up waiting (status ${status})${said}. Try again, or ask for less.`,
      ...retry,
    }
  }
  if (status >= 400 && status < 500) return rejected(target, status, error, said)
  return {
    code: 'upstream_failed',
    message: `${engine} failed with status ${status}${said}. Try again; if it stays so, look at the engine’s own log.`,
    ...retry,
  }
}

function rejected(target: Target, status: number, error: ErrorBody, said: string): Problem {
  const advice =
    status === 404 && error.code === undefined && error.type === undefined
      ? `Check the address configured for engine ${target.engine}: it must end where the paths of the API begin, mostly in /v1. Or the engine does not serve this kind of request.`
      : 'Change the request as it says, or use another model.'
  const param = error.param === undefined ? {} : { param: clean(error.param, PARAM_MAX_CHARACTERS) }
  return {
    code: 'upstream_rejected',
    message: `Engine ${target.engine} rejected the request with status ${status}${said}. ${advice}`,
    status,
    ...param,
  }
}

function redirected(target: Target, status: number, headers: IncomingHttpHeaders): Problem {
  const to = typeof headers.location === 'string' ? ` to ${placeOf(headers.location)}` : ''
  return {
    code: 'upstream_failed',
    message: `Engine ${target.engine} redirects (status ${status})${to}. Redirects are not followed, because a prompt and a key would go where nobody sent them: configure the address that it redirects to.`,
  }
}

/** Host and path only: a query may hold a secret. */
function placeOf(location: string): string {
  const text = location.split(/[?#]/, 1)[0] ?? ''
  return clean(text.replace(/\/\/[^/@]*@/, '//'), PARAM_MAX_CHARACTERS)
}

/** Reads an error body of any shape; text that is not JSON becomes the message, HTML only its title. */
function readErrorBody(text: string): ErrorBody {
  const trimmed = text.trim()
  if (trimmed === '') return {}
  try {
    return fromJson(JSON.parse(trimmed))
  } catch {
    if (!trimmed.startsWith('<')) return { message: trimmed }
    const title = /<title[^>]*>([^<]*)</i.exec(trimmed)?.[1]?.trim()
    return title === undefined || title === '' ? {} : { message: `an HTML page, “${title}”` }
  }
}

/**
 * OpenAI, vLLM, llama.cpp, Groq, DeepSeek, OpenRouter: `{error: {message, type, param, code}}`; Gemini: the same
 * in an array, with `status` and `details`; older vLLM, SGLang, Mistral: the fields at the top with
 * `object: 'error'`; Ollama and LM Studio: `{error: 'text'}`; xAI: `{code, error: 'text'}`; FastAPI (and
 * Mistral, under `message`): `{detail: 'text' | [{loc, msg}]}`.
 */
function fromJson(value: unknown): ErrorBody {
  const top = Array.isArray(value) ? value[0] : value
  if (typeof top === 'string') return { message: top }
  if (!isRecord(top)) return {}
  const inner = isRecord(top['error']) ? top['error'] : top
  const message = firstMessage(inner['message'], top['error'], inner['detail'], top['message'])
  const code = inner['code'] ?? top['code']
  const type = inner['type'] ?? inner['status']
  const param = inner['param'] ?? paramOfDetail(inner['detail'] ?? inner['message'])
  const retryAfterMs = retryInfo(inner['details'])
  const status = statusIn(inner['code']) ?? statusIn(inner['status']) ?? statusIn(inner['status_code'])
  return {
    ...(message === undefined ? {} : { message }),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof param === 'string' && param !== '' ? { param } : {}),
    ...(status === undefined ? {} : { status }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

function firstMessage(...candidates: readonly unknown[]): string | undefined {
  for (const candidate of candidates) {
    const text = messageText(candidate)
    if (text !== undefined && text !== '') return text
  }
  return undefined
}

function messageText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const texts = value.flatMap((item) => (isRecord(item) ? [detailText(item)] : []))
    return texts.length === 0 ? undefined : texts.join('; ')
  }
  return isRecord(value) && 'detail' in value ? messageText(value['detail']) : undefined
}

function detailText(detail: Record<string, unknown>): string {
  const where = Array.isArray(detail['loc']) ? `${detail['loc'].join('.')}: ` : ''
  return `${where}${typeof detail['msg'] === 'string' ? detail['msg'] : 'invalid'}`
}

/** FastAPI's `loc` without its leading `body`, in OpenAI's dotted form. */
function paramOfDetail(value: unknown): string | undefined {
  if (isRecord(value)) return paramOfDetail(value['detail'])
  const first: unknown = Array.isArray(value) ? value[0] : undefined
  if (!isRecord(first) || !Array.isArray(first['loc'])) return undefined
  return first['loc'].filter((part) => part !== 'body').join('.')
}

/** Google's RetryInfo: `retryDelay: '34s'`. https://cloud.google.com/apis/design/errors#error_payloads */
function retryInfo(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined
  for (const detail of details) {
    const delay: unknown = isRecord(detail) ? detail['retryDelay'] : undefined
    const seconds = typeof delay === 'string' ? Number.parseFloat(delay) : Number.NaN
    if (seconds >= 0) return Math.min(seconds * 1000, RETRY_AFTER_MAX_MS)
  }
  return undefined
}

function statusIn(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600
    ? status
    : undefined
}

/** An error inside a 200 without a status: what its words say, else the engine's own failure. */
function statusOfType(error: ErrorBody): number {
  const words = `${error.type ?? ''} ${error.code ?? ''}`.toLowerCase()
  if (/overloaded/.test(words)) return OVERLOADED
  if (/rate_?limit|too_many|resource_exhausted|insufficient_quota/.test(words)) return 429
  if (/authentication|permission|unauthenticated/.test(words)) return 401
  if (/invalid_request|invalid_argument|bad_?request|tool_use_failed/.test(words)) return 400
  return 500
}

/** What the engines say when prompt and answer do not fit. */
const CONTEXT_LENGTH = new RegExp(
  [
    'context_length_exceeded|exceed_context_size|string_above_max_length',
    'maximum (context|prompt|model) length', // OpenAI, vLLM, DeepSeek, OpenRouter, xAI, Mistral
    'exceeds? the (available |model.s |maximum )?context', // llama.cpp, Ollama
    'longer than the model.s context length', // SGLang
    'exceeds? the maximum allowed length', // SGLang
    'exceeds? the maximum number of tokens', // Gemini
    'reduce the length of the messages', // Groq
    'too large to process|input length exceeds', // llama.cpp and Ollama, of what is embedded
    'must have less than \\d+ tokens', // Text Embeddings Inference
    'greater than the context length|context the overflows|prompt is too long', // LM Studio, Anthropic
  ].join('|'),
  'i',
)

function isContextLength(error: ErrorBody): boolean {
  return CONTEXT_LENGTH.test(`${error.code ?? ''} ${error.type ?? ''} ${error.message ?? ''}`)
}

function isQuota(error: ErrorBody): boolean {
  return /insufficient_quota|billing_hard_limit|credit balance/i.test(
    `${error.code ?? ''} ${error.type ?? ''} ${error.message ?? ''}`,
  )
}

/** Anthropic refuses with a 400 where the account is empty. */
function isCreditLow(error: ErrorBody): boolean {
  return /credit balance is too low/i.test(error.message ?? '')
}

/** `: “what it said”`, or nothing. */
function quote(target: Target, error: ErrorBody): string {
  if (error.message === undefined) return ''
  const text = clean(withoutKey(error.message, target.apiKey), MESSAGE_MAX_CHARACTERS)
  return text === '' ? '' : `: “${text.replace(/\.$/, '')}”`
}

/** The key itself never stands in a message, however an engine echoes it. */
function withoutKey(text: string, key: string | undefined): string {
  return key === undefined || key === '' ? text : text.replaceAll(key, '[key]')
}

/** One line without control characters, cut at `limit` characters. */
export function clean(text: string, limit: number): string {
  const line = text
    .slice(0, 4 * limit)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

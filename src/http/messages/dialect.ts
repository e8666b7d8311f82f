import type { IncomingHttpHeaders } from 'node:http'
import type { ChatRequest } from '../../contract/chat.ts'
import type { AnswerFinish, AnswerWhole, Batch } from '../../contract/event.ts'
import { countRequestSchema, messagesRequestSchema } from '../../contract/messages.ts'
import { isRefusal, type Problem, type Refusal, refuse } from '../../contract/problem.ts'
import { bearerOrApiKey } from '../credential.ts'
import type { Dialect, Writer } from '../dialect.ts'
import { invalidRequest } from '../invalid.ts'
import { namedInMessages } from '../named.ts'
import { type Asked, messageText } from './message.ts'
import { messagesProblem } from './problem.ts'
import { toChat } from './request.ts'
import { MessagesEncoder } from './stream.ts'

/** Anthropic's Messages. Source: its public API reference (read 2026-11). */
export const messagesDialect: Dialect = {
  path: '/v1/messages',
  credentialOf: bearerOrApiKey,
  read: ({ id, headers, value, bytes }) => {
    const request = parse(messagesRequestSchema, value, headers)
    if (isRefusal(request)) return request
    return {
      ask: { request, bytes },
      named: namedInMessages,
      writer: (answer) => new MessagesWriter({ id, request, answer }),
    }
  },
  problem: messagesProblem,
  head: (requestId) => ({ 'request-id': requestId }),
}

class MessagesWriter implements Writer {
  readonly #asked: Asked
  #encoder: MessagesEncoder | undefined

  constructor(asked: Asked) {
    this.#asked = asked
  }

  get over(): Problem | undefined {
    return this.#encoder?.over
  }

  whole(whole: AnswerWhole, finish: AnswerFinish): string {
    return messageText(this.#asked, whole, finish)
  }

  batch(batch: Batch): string {
    this.#encoder ??= new MessagesEncoder(this.#asked)
    return this.#encoder.encode(batch)
  }
}

/** A request to count tokens, as the request whose tokens they are. */
export function parseCount(body: unknown, headers: IncomingHttpHeaders): ChatRequest | Refusal {
  return parse(countRequestSchema, body, headers)
}

function parse(
  schema: typeof messagesRequestSchema | typeof countRequestSchema,
  body: unknown,
  headers: IncomingHttpHeaders,
): ChatRequest | Refusal {
  const parsed = schema.safeParse(body)
  if (!parsed.success) return invalidRequest(parsed.error)
  const betas = betasOf(headers)
  // Parsed just above: an object with string keys.
  return isRefusal(betas) ? betas : toChat(parsed.data, body as Readonly<Record<string, unknown>>, betas)
}

const BETAS_MAX = 32
const BETA = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** The names in `anthropic-beta`, which may stand there often or with commas. */
function betasOf(headers: IncomingHttpHeaders): readonly string[] | Refusal {
  const header = headers['anthropic-beta']
  if (header === undefined) return []
  const betas = String(header)
    .split(',')
    .map((beta) => beta.trim())
    .filter((beta) => beta !== '')
  if (betas.length <= BETAS_MAX && betas.every((beta) => BETA.test(beta))) return betas
  return refuse(
    'invalid_request',
    `The header anthropic-beta is not valid: expected at most ${BETAS_MAX} names of letters, digits, dots and dashes.`,
    { param: 'anthropic-beta' },
  )
}

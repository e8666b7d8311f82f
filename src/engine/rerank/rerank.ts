import type { Dispatcher } from 'undici'
import { type Refusal, refuse, UpshiftError } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { problemOfNetwork } from '../network.ts'
import type { Target } from '../target.ts'
import { problemOfResponse } from '../upstream.ts'
import { type Relevance, readRelevances } from './reply.ts'

/** Where passages are reranked. */
export interface RerankTarget {
  /** What `/rerank` follows, such as `http://127.0.0.1:8012/v1`; or the whole address, ending in `/rerank`. */
  readonly url: string
  /** What the server calls the model. */
  readonly model: string
  /** Read at each use, so that a key file that changes is picked up. Throws UpshiftError where it cannot be read. */
  readonly key: (() => string) | undefined
  /** From dispatch to the whole answer, milliseconds. */
  readonly timeoutMs: number
}

export interface RerankCall {
  readonly id: string
  readonly question: string
  readonly documents: readonly string[]
  readonly signal: AbortSignal
}

export interface Reranking {
  readonly type: 'reranking'
  /** The best first. */
  readonly order: readonly Relevance[]
}

export interface RerankParts {
  readonly clock: Clock
  dispatcherFor(url: URL): Dispatcher
}

/** So many failures in a row, and it is not asked for a while: each would cost a search its time limit. */
const FAILURES = 3
const REST_MS = 30_000
/** A row has an index and a number; some servers send the documents back. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024
const NAME = 'rerank'

/** How the last calls of a target went. A call that ends after a reload tells it of the target that it asked. */
interface Health {
  readonly url: string
  readonly model: string
  /** In a row. */
  failures: number
  restsUntil: number
}

/**
 * POST /rerank as Cohere's API has it and Jina's, vLLM's and llama.cpp's server copy it: `model`, `query`, `documents`
 * and `top_n` in, indexes and scores out. One call is one dispatch: nothing is tried twice, because a search waits.
 */
export class Reranker {
  readonly #parts: RerankParts
  #health: Health | undefined

  constructor(parts: RerankParts) {
    this.#parts = parts
  }

  /** Refuses where nothing was sent or no order came; throws for bugs only. */
  async rerank(target: RerankTarget, call: RerankCall): Promise<Reranking | Refusal> {
    const { clock } = this.#parts
    const health = this.#healthOf(target)
    const left = health.restsUntil - clock.elapsed()
    if (left > 0) {
      const message = `The reranker has failed ${FAILURES} times in a row and is left alone for ${Math.ceil(left / 1_000)} s more. See whether it runs at ${target.url}.`
      return refuse('upstream_unreachable', message, { retryAfterMs: left })
    }
    const answer = await this.#asked(target, call)
    const failed = answer.type === 'refusal' && answer.problem.code !== 'client_closed'
    if (failed) health.failures++
    else if (answer.type === 'reranking') health.failures = 0
    if (health.failures >= FAILURES) {
      health.failures = 0
      health.restsUntil = clock.elapsed() + REST_MS
    }
    return answer
  }

  /** Begins anew where another target is asked: one is configured at a time. */
  #healthOf({ url, model }: RerankTarget): Health {
    if (this.#health?.url !== url || this.#health.model !== model) {
      this.#health = { url, model, failures: 0, restsUntil: 0 }
    }
    return this.#health
  }

  async #asked(target: RerankTarget, call: RerankCall): Promise<Reranking | Refusal> {
    const apiKey = keyOf(target)
    if (typeof apiKey === 'object') return apiKey
    const named = namedTarget(target, apiKey)
    const limit = AbortSignal.timeout(target.timeoutMs)
    try {
      const signal = AbortSignal.any([call.signal, limit])
      const { status, headers, text } = await this.#sent(target, apiKey, { ...call, signal })
      if (status < 200 || status > 299) {
        const now = this.#parts.clock.now()
        return { type: 'refusal', problem: problemOfResponse(named, status, headers, text, now) }
      }
      const order = readRelevances(text, call.documents.length)
      return typeof order === 'string' ? garbled(target, order) : { type: 'reranking', order }
    } catch (error) {
      if (call.signal.aborted)
        return refuse('client_closed', 'The caller left before the passages were reranked.')
      if (limit.aborted) return late(target)
      if (error instanceof TooLarge) return garbled(target, `it is larger than ${MAX_REPLY_BYTES} bytes`)
      if (!(error instanceof Error) || error instanceof TypeError) throw error
      return { type: 'refusal', problem: problemOfNetwork(named, error, false) }
    }
  }

  async #sent({ url, model, timeoutMs }: RerankTarget, apiKey: string | undefined, call: RerankCall) {
    const { id, question, documents, signal } = call
    const address = addressOf(url)
    const reply = await this.#parts.dispatcherFor(address).request({
      origin: address.origin,
      path: `${address.pathname}${address.search}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'upshift',
        'x-request-id': id,
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({ model, query: question, documents, top_n: documents.length }),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
    })
    return { status: reply.statusCode, headers: reply.headers, text: await textOf(reply.body) }
  }
}

class TooLarge extends Error {}

async function textOf(body: AsyncIterable<unknown>): Promise<string> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of body) {
    const bytes = Buffer.isBuffer(part) ? part : Buffer.from(String(part))
    length += bytes.length
    if (length > MAX_REPLY_BYTES) throw new TooLarge()
    parts.push(bytes)
  }
  return Buffer.concat(parts, length).toString('utf8')
}

function addressOf(text: string): URL {
  const url = new URL(text)
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith('/rerank') ? path : `${path}/rerank`
  return url
}

function keyOf({ key }: RerankTarget): string | undefined | Refusal {
  try {
    return key?.()
  } catch (error) {
    if (!(error instanceof UpshiftError)) throw error
    const message = `Nothing was sent to the reranker, because its API key cannot be read: ${error.message}`
    return refuse('upstream_unauthorized', message)
  }
}

/** As the messages about engines name it. */
function namedTarget({ url, model, timeoutMs }: RerankTarget, apiKey: string | undefined): Target {
  return {
    engine: NAME,
    baseUrl: url,
    name: model,
    offMachine: false,
    timeouts: { connectMs: timeoutMs, firstTokenMs: timeoutMs, betweenTokensMs: timeoutMs },
    ...(apiKey === undefined ? {} : { apiKey }),
  }
}

function late({ timeoutMs, url }: RerankTarget): Refusal {
  const message = `The reranker at ${url} had not answered within ${timeoutMs} ms. Lower knowledge.rerank.depth, or raise knowledge.rerank.timeoutMs.`
  return refuse('upstream_timeout', message)
}

function garbled({ url }: RerankTarget, what: string): Refusal {
  const message = `The answer of the reranker at ${url} cannot be used: ${what}. Is it a server with POST /rerank, and a model that reranks?`
  return refuse('upstream_garbled', message)
}

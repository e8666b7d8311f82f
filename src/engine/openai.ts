import type { Dispatcher } from 'undici'
import type { Call } from '../contract/call.ts'
import { type Batch, isTerminal } from '../contract/event.ts'
import type { Problem } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { checkContext } from './context.ts'
import { abortProblem, deadlineProblem, Exchange } from './exchange.ts'
import { buildPayload, type Payload } from './payload.ts'
import { answerError, NOTHING_SENT } from './reader.ts'
import type { Target } from './target.ts'

export interface OpenAiEngine {
  /**
   * One generation over POST {baseUrl}/chat/completions. Yields batches of `chunk-delta` events (each with the
   * text it came as) where the request streams, else one `answer-whole`, and then exactly one terminal event:
   * `answer-finish` with the usage, or `answer-error` (with a usage of zero where nothing had been sent).
   * Never yields `answer-start`, never throws but for bugs.
   * To cancel, abort `call.signal`: the connection is destroyed at once. Giving the iterator up releases it too,
   * but only once a pending `next` has returned.
   */
  generate(target: Target, call: Call): AsyncIterable<Batch>
}

export interface OpenAiEngineParts {
  readonly clock: Clock
  /** The connections to use for an address. */
  dispatcherFor(url: URL): Dispatcher
}

/** The one engine for everything that speaks OpenAI's Chat Completions; what differs is in `target.quirks`. */
export function createOpenAiEngine(parts: OpenAiEngineParts): OpenAiEngine {
  const addresses = new Addresses()
  return { generate: (target, call) => generate(parts, addresses, target, call) }
}

/** Where requests of one base URL go. */
interface Address {
  readonly url: URL
  readonly origin: string
  readonly path: string
}

/** Base URLs that are kept taken apart: as many as there may be origins, and a few that were changed. */
const ADDRESSES_MAX = 4_096

/** Base URLs, each taken apart once. */
class Addresses {
  readonly #known = new Map<string, Address>()

  of(baseUrl: string): Address {
    const known = this.#known.get(baseUrl)
    if (known !== undefined) return known
    const url = new URL(baseUrl)
    // A query in the base URL stays (Azure's `api-version`); its user name and password are not used.
    const path = `${url.pathname.replace(/\/+$/, '')}/chat/completions${url.search}`
    const address: Address = { url, origin: url.origin, path }
    if (this.#known.size >= ADDRESSES_MAX) this.#known.clear()
    this.#known.set(baseUrl, address)
    return address
  }
}

async function* generate(
  parts: OpenAiEngineParts,
  addresses: Addresses,
  target: Target,
  call: Call,
): AsyncGenerator<Batch> {
  const fit = checkContext(target, call.request)
  const problem = fit.type === 'exceeds' ? fit.problem : lateProblem(parts.clock, target, call)
  if (problem !== undefined) {
    yield [answerError(problem, NOTHING_SENT)]
    return
  }
  const built = buildPayload(target, call)
  const payload: Payload =
    fit.type === 'fits' && fit.verdicts.length > 0
      ? { ...built, verdicts: [...built.verdicts, ...fit.verdicts] }
      : built
  using exchange = new Exchange(target, call, payload, parts.clock)
  const address = addresses.of(target.baseUrl)
  parts.dispatcherFor(address.url).dispatch(dispatchOptions(address, target, call, payload), exchange)
  for (;;) {
    const batch = await exchange.take()
    yield batch
    if (isTerminal(batch.at(-1))) return
  }
}

function lateProblem(clock: Clock, target: Target, call: Call): Problem | undefined {
  if (call.signal.aborted) return abortProblem(target, call, clock)
  return clock.elapsed() >= call.deadline ? deadlineProblem(target) : undefined
}

function dispatchOptions(
  { origin, path }: Address,
  target: Target,
  call: Call,
  payload: Payload,
): Dispatcher.DispatchOptions {
  const headers = [
    'content-type',
    'application/json',
    'accept',
    payload.stream ? 'text/event-stream' : 'application/json',
    // Compressed events would arrive late, and cost more than loopback or a data centre's network.
    'accept-encoding',
    'identity',
    'user-agent',
    'upshift',
    'x-request-id',
    call.id,
  ]
  if (target.apiKey !== undefined) headers.push('authorization', `Bearer ${target.apiKey}`)
  return {
    origin,
    path,
    method: 'POST',
    headers,
    body: payload.body,
    // The exchange keeps time itself, by phases.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
}

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
  return { generate: (target, call) => generate(parts, target, call) }
}

async function* generate(parts: OpenAiEngineParts, target: Target, call: Call): AsyncGenerator<Batch> {
  const fit = checkContext(target, call.request)
  const problem = fit.type === 'exceeds' ? fit.problem : lateProblem(parts.clock, target, call)
  if (problem !== undefined) {
    yield [answerError(problem, NOTHING_SENT)]
    return
  }
  const built = buildPayload(target, call)
  const verdicts = fit.type === 'fits' ? [...built.verdicts, ...fit.verdicts] : built.verdicts
  const payload: Payload = { ...built, verdicts }
  await using exchange = new Exchange(target, call, payload, parts.clock)
  const url = new URL(target.baseUrl)
  parts.dispatcherFor(url).dispatch(dispatchOptions(url, target, call, payload), exchange)
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

/** A query in the base URL stays (Azure's `api-version`); its user name and password are not used. */
function dispatchOptions(url: URL, target: Target, call: Call, payload: Payload): Dispatcher.DispatchOptions {
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
    origin: url.origin,
    path: `${url.pathname.replace(/\/+$/, '')}/chat/completions${url.search}`,
    method: 'POST',
    headers,
    body: payload.body,
    // The exchange keeps time itself, by phases.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
}

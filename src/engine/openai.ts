import type { Dispatcher } from 'undici'
import type { Call } from '../contract/call.ts'
import type { EmbedCall, EmbedEnd } from '../contract/embed.ts'
import type { Batch } from '../contract/event.ts'
import type { Clock } from '../lib/clock.ts'
import { checkContext } from './context.ts'
import { Addresses, bearerOf, dispatchOptions, lateProblem } from './dispatch.ts'
import { embed } from './embedding/embed.ts'
import { Exchange } from './exchange.ts'
import { buildPayload, type Payload } from './payload.ts'
import { type Reader, type Sink, unsent, WholeReader } from './reader.ts'
import { StreamReader } from './stream-reader.ts'
import type { OpenAiTarget } from './target.ts'

export interface OpenAiEngine {
  /**
   * One generation over POST {baseUrl}/chat/completions. Yields batches of `chunk-delta` events (each with the
   * text it came as) where the request streams, else one `answer-whole`, and then exactly one terminal event:
   * `answer-finish` with the usage, or `answer-error` (with a usage of zero where nothing had been sent).
   * Never yields `answer-start`, never throws but for bugs.
   * It is sent at once. To cancel, abort `call.signal` or give the iterator up: the connection is destroyed.
   */
  generate(target: OpenAiTarget, call: Call): AsyncIterable<Batch>
  /** One call over POST {baseUrl}/embeddings. Cancelled in the same way. */
  embed(target: OpenAiTarget, call: EmbedCall): Promise<EmbedEnd>
}

export interface OpenAiEngineParts {
  readonly clock: Clock
  /** The connections to use for an address. */
  dispatcherFor(url: URL): Dispatcher
}

/** The one engine for everything that speaks OpenAI's API; what differs is in `target.quirks`. */
export function createOpenAiEngine(parts: OpenAiEngineParts): OpenAiEngine {
  const chat = new Addresses('/chat/completions')
  const embeddings = new Addresses('/embeddings')
  return {
    generate: (target, call) => generate(parts, chat, target, call),
    embed: (target, call) => embed(parts, embeddings, target, call),
  }
}

function generate(
  parts: OpenAiEngineParts,
  addresses: Addresses,
  target: OpenAiTarget,
  call: Call,
): AsyncIterable<Batch> {
  const fit = checkContext(target, call.request)
  const problem = fit.type === 'exceeds' ? fit.problem : lateProblem(target, call, parts.clock)
  if (problem !== undefined) return unsent(problem)
  const built = buildPayload(target, call)
  const payload: Payload =
    fit.type === 'fits' && fit.verdicts.length > 0
      ? { ...built, verdicts: [...built.verdicts, ...fit.verdicts] }
      : built
  const { stream, choices, verdicts } = payload
  const read = (sink: Sink): Reader => {
    const reading = { target, sink, verdicts }
    return stream ? new StreamReader(reading, choices) : new WholeReader(reading)
  }
  const exchange = new Exchange({ target, call, stream, read, clock: parts.clock })
  const address = addresses.of(target.baseUrl)
  const sending = { body: payload.body, stream, headers: bearerOf(target) }
  parts.dispatcherFor(address.url).dispatch(dispatchOptions(address, call.id, sending), exchange)
  return exchange
}

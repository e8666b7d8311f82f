import type { Dispatcher } from 'undici'
import type { Call } from '../../contract/call.ts'
import type { Batch, Verdict } from '../../contract/event.ts'
import { isRefusal, type Refusal, refuse } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { type Address, Addresses, dispatchOptions, lateProblem } from '../dispatch.ts'
import { Exchange } from '../exchange.ts'
import { type Reader, type Sink, unsent } from '../reader.ts'
import type { Target } from '../target.ts'
import { CountReader } from './count-reader.ts'
import { buildPayload, countFields, type MessagesPayload } from './payload.ts'
import { MessageStreamReader } from './stream-reader.ts'
import { MessageReader } from './whole-reader.ts'

export interface MessagesEngine {
  /**
   * One generation over POST {baseUrl}/messages, with the same promises as the engine for Chat Completions: batches
   * of `chunk-delta` where the request streams, else one `answer-whole`, and then exactly one terminal event. Chunks
   * and whole answers carry the text that they came as. Never throws but for bugs; to cancel, abort `call.signal`.
   */
  generate(target: Target, call: Call): AsyncIterable<Batch>
  /** The prompt's tokens as the provider counts them, over POST {baseUrl}/messages/count_tokens. */
  count(target: Target, call: Call): Promise<number | Refusal>
}

export interface MessagesEngineParts {
  readonly clock: Clock
  /** The connections to use for an address. */
  dispatcherFor(url: URL): Dispatcher
}

/** The version of the API that this engine speaks. Source: Anthropic's API reference, "Versions". */
const API_VERSION = '2023-06-01'

/** The engine for what speaks Anthropic's Messages. Source: its public API reference (read 2026-11). */
export function createMessagesEngine(parts: MessagesEngineParts): MessagesEngine {
  const messages = new Addresses('/messages')
  const counts = new Addresses('/messages/count_tokens')
  return {
    generate: (target, call) => generate(parts, messages, target, call),
    count: (target, call) => count(parts, counts, target, call),
  }
}

function generate(
  parts: MessagesEngineParts,
  addresses: Addresses,
  target: Target,
  call: Call,
): AsyncIterable<Batch> {
  const payload = payloadOf(parts, target, call)
  if (isRefusal(payload)) return unsent(payload.problem)
  const stream = call.request.stream === true
  const read = readerOf(parts, target, stream, payload.verdicts)
  const exchange = new Exchange({ target, call, stream, read, clock: parts.clock })
  send(parts, addresses.of(target.baseUrl), { target, call, payload, body: payload.fields }, exchange)
  return exchange
}

async function count(
  parts: MessagesEngineParts,
  addresses: Addresses,
  target: Target,
  call: Call,
): Promise<number | Refusal> {
  const payload = payloadOf(parts, target, call)
  if (isRefusal(payload)) return payload
  const read = (sink: Sink): Reader => new CountReader({ target, sink })
  using exchange = new Exchange({ target, call, stream: false, read, clock: parts.clock })
  send(parts, addresses.of(target.baseUrl), { target, call, payload, body: countFields(payload) }, exchange)
  const end = (await exchange.next()).value?.at(-1)
  if (end?.type === 'answer-error') return { type: 'refusal', problem: end.problem }
  const tokens = end?.type === 'answer-finish' ? end.usage?.promptTokens : undefined
  return tokens ?? refuse('upstream_garbled', `Engine ${target.engine} gave no count of the tokens.`)
}

function payloadOf(parts: MessagesEngineParts, target: Target, call: Call): MessagesPayload | Refusal {
  const late = lateProblem(target, call, parts.clock)
  return late === undefined ? buildPayload(target, call) : { type: 'refusal', problem: late }
}

function readerOf(
  { clock }: MessagesEngineParts,
  target: Target,
  stream: boolean,
  verdicts: readonly Verdict[],
): (sink: Sink) => Reader {
  return (sink) => {
    const reading = { target, sink, verdicts, created: Math.floor(clock.now() / 1_000) }
    return stream ? new MessageStreamReader(reading) : new MessageReader(reading)
  }
}

interface Sending {
  readonly target: Target
  readonly call: Call
  readonly payload: MessagesPayload
  readonly body: Readonly<Record<string, unknown>>
}

function send(parts: MessagesEngineParts, address: Address, sending: Sending, exchange: Exchange): void {
  const { target, call, payload, body } = sending
  const headers = ['anthropic-version', API_VERSION]
  if (payload.betas.length > 0) headers.push('anthropic-beta', payload.betas.join(','))
  if (target.apiKey !== undefined) headers.push('x-api-key', target.apiKey)
  const sent = { body: JSON.stringify(body), stream: body['stream'] === true, headers }
  parts.dispatcherFor(address.url).dispatch(dispatchOptions(address, call.id, sent), exchange)
}

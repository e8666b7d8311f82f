import type { Dispatcher } from 'undici'
import type { Problem } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { abortProblem, type Bounded, deadlineProblem } from './exchange.ts'
import type { Target } from './target.ts'

/** Where requests of one base URL go. */
export interface Address {
  readonly url: URL
  readonly origin: string
  readonly path: string
}

/** Base URLs that are kept taken apart: as many as there may be origins, and a few that were changed. */
const ADDRESSES_MAX = 4_096

/** The addresses of one endpoint below base URLs, each taken apart once. */
export class Addresses {
  readonly #endpoint: string
  readonly #known = new Map<string, Address>()

  /** @param endpoint - what follows the base URL: `/chat/completions` */
  constructor(endpoint: string) {
    this.#endpoint = endpoint
  }

  of(baseUrl: string): Address {
    const known = this.#known.get(baseUrl)
    if (known !== undefined) return known
    const url = new URL(baseUrl)
    // A query in the base URL stays (Azure's `api-version`); its user name and password are not used.
    const path = `${url.pathname.replace(/\/+$/, '')}${this.#endpoint}${url.search}`
    const address: Address = { url, origin: url.origin, path }
    if (this.#known.size >= ADDRESSES_MAX) this.#known.clear()
    this.#known.set(baseUrl, address)
    return address
  }
}

/** Why nothing may be sent any more; undefined where it may. */
export function lateProblem(target: Target, call: Bounded, clock: Clock): Problem | undefined {
  if (call.signal.aborted) return abortProblem(target, call, clock)
  return clock.elapsed() >= call.deadline ? deadlineProblem(target) : undefined
}

export interface Sending {
  /** JSON. */
  readonly body: string
  /** Whether events are asked for. */
  readonly stream: boolean
  /** Names and values in turns: the key, and what the protocol has of its own. */
  readonly headers: readonly string[]
}

export function dispatchOptions(
  { origin, path }: Address,
  id: string,
  { body, stream, headers }: Sending,
): Dispatcher.DispatchOptions {
  return {
    origin,
    path,
    method: 'POST',
    headers: [
      'content-type',
      'application/json',
      'accept',
      stream ? 'text/event-stream' : 'application/json',
      // Compressed events would arrive late, and cost more than loopback or a data centre's network.
      'accept-encoding',
      'identity',
      'user-agent',
      'upshift',
      'x-request-id',
      id,
      ...headers,
    ],
    body,
    // The exchange keeps time itself, by phases.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
}

export function bearerOf({ apiKey }: Target): readonly string[] {
  return apiKey === undefined ? [] : ['authorization', `Bearer ${apiKey}`]
}

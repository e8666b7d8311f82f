import type { Purpose } from '../catalogue/catalogue.ts'
import type { Size } from '../catalogue/size.ts'
import type { Kind } from '../profiles.ts'
import { type DispatcherFor, type Probed, probeJson } from './probe.ts'

/** Models that one engine may list; what is beyond is left out and said so. */
export const MODELS_PER_ENGINE = 500
const NAME_CHARACTERS = 200

/** One model as a server describes it. */
export interface ListedModel {
  /** For our callers: `engine/name` is built from it. */
  readonly name: string
  /** For the engine: what it calls the model on the wire. */
  readonly upstream: string
  /** What it is for, as the server or its name says; chat where absent. */
  readonly purpose?: Exclude<Purpose, 'chat'>
  /** What the server will really read; undefined where it does not say. */
  readonly contextTokens?: number
  /** How sure that is: `assumed` is the smallest that the server's default can be. */
  readonly contextFrom?: 'server' | 'assumed'
  /** What the model was made for, where it is more than the server reads. */
  readonly trainedTokens?: number
  readonly size?: Size
}

export type Listing =
  | {
      readonly type: 'listed'
      readonly models: readonly ListedModel[]
      /** Requests that the server says it takes at once. */
      readonly maxConcurrent?: number
      readonly notes: readonly string[]
    }
  /** It answers, but has no list: the configuration must name the models. */
  | { readonly type: 'unlisted' }
  | { readonly type: 'down'; readonly why: string }

/** What listing one replica takes. `memory` is kept between calls so that nothing is asked twice. */
export interface ListingAsk {
  readonly kind: Kind
  /** Up to and including `/v1`. */
  readonly baseUrl: string
  readonly key: string | undefined
  readonly dispatcherFor: DispatcherFor
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly memory: ListingMemory
}

/** What Ollama's /api/show said of a model, by the digest of its file: it cannot change without the digest. */
export type ListingMemory = Map<string, Shown>

export interface Shown {
  readonly purpose: Purpose
  readonly contextTokens: number | undefined
  readonly trainedTokens: number | undefined
}

/** The server's root: the native endpoints lie beside `/v1`. */
export function rootOf(base: string): string {
  return base.replace(/\/v1$/, '')
}

export function ask(from: ListingAsk, url: string, body?: unknown): Promise<Probed> {
  const { dispatcherFor, timeoutMs, signal } = from
  const post = body === undefined ? {} : { method: 'POST' as const, body }
  return probeJson(url, dispatcherFor, { timeoutMs, signal, headers: keyHeaders(from), ...post })
}

function keyHeaders(from: ListingAsk): Record<string, string> {
  if (from.key === undefined) return {}
  // Anthropic's list of models wants its own header. Source: its API reference, GET /v1/models.
  if (from.kind === 'anthropic') return { 'x-api-key': from.key, 'anthropic-version': '2023-06-01' }
  return { authorization: `Bearer ${from.key}` }
}

/** Anything but JSON, as the state of the replica. */
export function unusable(probed: Exclude<Probed, { type: 'json' }>): Listing {
  if (probed.type !== 'status') return { type: 'down', why: probed.why }
  if (probed.status === 404 || probed.status === 405) return { type: 'unlisted' }
  if (probed.status === 401 || probed.status === 403) {
    return { type: 'down', why: `it refused the key (status ${probed.status}): check the engine's key` }
  }
  if (probed.status === 503) return { type: 'down', why: 'it is starting or loading a model (status 503)' }
  return { type: 'down', why: `it answered its list of models with status ${probed.status}` }
}

/** A name that can be a model's, or undefined. */
export function nameOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length === 0 || value.length > NAME_CHARACTERS) return undefined
  return /[\u0000-\u001f\u007f]/.test(value) ? undefined : value
}

/** llama.cpp names a model by its file's path; Gemini puts `models/` before each. */
export function publicName(upstream: string): string {
  if (/\.gguf$/i.test(upstream)) return (upstream.split(/[\\/]/).at(-1) ?? upstream).replace(/\.gguf$/i, '')
  return upstream.replace(/^models\//, '')
}

/** The field of a listed model that tells what it is for: absent for chat. */
export function purposeField(purpose: Purpose): Pick<ListedModel, 'purpose'> {
  return purpose === 'chat' ? {} : { purpose }
}

import type { Readable } from 'node:stream'
import { type Dispatcher, request } from 'undici'
import type { Clock } from '../../lib/clock.ts'
import { isLoopback } from '../../lib/loopback.ts'
import { publicLookup } from '../../lib/public-address.ts'
import { type ConnectionOptions, type Connections, createConnections } from '../connections.ts'
import { parseRetryAfterMs } from '../retry-after.ts'
import { isPrivateHost, leadsInside, resolvesPrivately } from './address.ts'
import { type Fault, fault, isFault, networkFault, privateRedirect } from './fault.ts'

/**
 * DESIGN. The one place from which models are fetched. Redirects are followed here, each under the same rules: never
 * from https to http, never from a public server into a private network, and the token goes to the hub's own origin
 * and nowhere else. Names are looked up once, by the connection itself, so that a name cannot be public when it is
 * checked and private when it is used; behind a proxy, which looks names up itself, only addresses can be checked.
 */
export interface WebOptions {
  readonly clock: Clock
  /** Hugging Face, or the mirror that was configured. */
  readonly hub: URL
  /** True where the hub's own owner configured it: it may send to where it likes. */
  readonly hubIsMirror: boolean
  /** Asked for once it is to be sent; undefined: there is none. */
  readonly token: () => string | undefined
  readonly connections: ConnectionOptions
  /** Milliseconds until the head of a reply must be there. */
  readonly headMs: number
  /** Hears of each host before the first byte goes to it. */
  readonly contacting: (host: string) => void
}

/** What a server says of a file. What it leaves out is undefined. */
export interface Identity {
  readonly bytes: number | undefined
  /** A strong one, as it stands in the header. */
  readonly etag: string | undefined
  /** Hex. */
  readonly sha256: string | undefined
  /** The commit of the repository. */
  readonly revision: string | undefined
}

export interface Reply {
  readonly type: 'reply'
  /** 200, 206 or 416. */
  readonly status: number
  /** Where it came from in the end. */
  readonly host: string
  readonly identity: Identity
  /** First byte of a 206. */
  readonly offset: number
  readonly body: Readable
}

const REDIRECTS_MAX = 8
const LOCATION_CHARS_MAX = 8_192
const USER_AGENT = 'upshift'

type Headers = Dispatcher.ResponseData['headers']

export class Web implements AsyncDisposable {
  readonly #options: WebOptions
  /** For what begins in public: names that lead into private networks are not found. */
  readonly #public: Connections
  readonly #any: Connections
  readonly #contacted = new Set<string>()

  constructor(options: WebOptions) {
    this.#options = options
    this.#public = createConnections({ ...options.connections, lookup: publicLookup(leadsInside) })
    this.#any = createConnections(options.connections)
  }

  /**
   * Asks for a file and follows where it is sent. Resolves to a reply with status 200, 206 or 416, whose body the
   * caller reads or destroys, or to a fault. Throws only where the signal aborts.
   */
  async open(
    first: URL,
    range: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Reply | Fault> {
    const trusted = await this.#mayLeadInside(first)
    let url = first
    let linked: Linked = {}
    for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
      const answered = await this.#ask(url, trusted, range, signal)
      if (isFault(answered)) return answered
      const { statusCode, headers, body } = answered
      // What the file is, the first server says: the one that it sends to has only the bytes.
      if (url.origin === first.origin) linked = { ...linkedOf(headers), ...linked }
      if (!isRedirect(statusCode)) return await this.#replyOf(url, answered, linked)
      await body.dump({ limit: 65_536, signal })
      const next = nextOf(url, headers, trusted)
      if (isFault(next)) return next
      url = next
    }
    return fault(
      'upstream_garbled',
      `${first.host} sends on more than ${REDIRECTS_MAX} times. Check the address.`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#public.close(), this.#any.close()])
  }

  /** The user's own network, or a mirror that its owner configured, may send into that network. */
  async #mayLeadInside(first: URL): Promise<boolean> {
    const { hub, hubIsMirror } = this.#options
    return (hubIsMirror && first.origin === hub.origin) || (await resolvesPrivately(first.hostname))
  }

  async #ask(
    url: URL,
    trusted: boolean,
    range: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData | Fault> {
    const { hub, headMs, token } = this.#options
    if (!this.#contacted.has(url.host)) this.#options.contacting(url.host)
    this.#contacted.add(url.host)
    const sent = url.origin === hub.origin && isSafe(url) ? token() : undefined
    try {
      return await request(url, {
        dispatcher: (trusted ? this.#any : this.#public).dispatcherFor(url),
        method: 'GET',
        // Bytes as they are on the server: a compressed reply has other offsets and another length.
        headers: {
          'user-agent': USER_AGENT,
          accept: '*/*',
          'accept-encoding': 'identity',
          ...range,
          ...(sent !== undefined && { authorization: `Bearer ${sent}` }),
        },
        signal,
        headersTimeout: headMs,
        // Whoever reads the body watches it.
        bodyTimeout: 0,
      })
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Error) return networkFault(url.host, error)
      throw error
    }
  }

  async #replyOf(url: URL, answered: Dispatcher.ResponseData, linked: Linked): Promise<Reply | Fault> {
    const { statusCode: status, headers, body } = answered
    const refusal = refusalOf(url, status, headers, this.#options)
    if (refusal !== undefined) {
      body.on('error', ignore).destroy()
      return refusal
    }
    const span = spanOf(headers['content-range'])
    const length = status === 200 ? countOf(headers['content-length']) : undefined
    return {
      type: 'reply',
      status,
      host: url.host,
      identity: {
        bytes: span?.total ?? length ?? linked.bytes,
        etag: strongTag(headers['etag']),
        sha256: linked.sha256,
        revision: linked.revision,
      },
      offset: span?.first ?? 0,
      body,
    }
  }
}

/** A body that nobody reads ends with an error of no interest. */
export function ignore(): void {}

/** A token never goes in the clear, but to this machine. */
function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || isLoopback(url.hostname)
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function nextOf(from: URL, headers: Headers, trusted: boolean): URL | Fault {
  const location = one(headers['location']) ?? ''
  const url = location.length > LOCATION_CHARS_MAX ? null : URL.parse(location, from)
  if (location === '' || url === null || !/^https?:$/.test(url.protocol))
    return fault('upstream_garbled', `${from.host} sends on to what is no address. Check the address.`)
  if (from.protocol === 'https:' && url.protocol === 'http:')
    return fault(
      'upstream_rejected',
      `${from.host} sends on from https to http (${url.host}), where anybody on the way could change the file. Nothing was fetched from there. Use another address.`,
    )
  if (url.username !== '' || url.password !== '')
    return fault(
      'upstream_rejected',
      `${from.host} sends on to an address with a password. Use another address.`,
    )
  if (!trusted && isPrivateHost(url.hostname)) return privateRedirect(url.host)
  url.hash = ''
  return url
}

function refusalOf(url: URL, status: number, headers: Headers, options: WebOptions): Fault | undefined {
  const encoding = one(headers['content-encoding'])
  if (status === 200 || status === 206) {
    if (encoding === undefined || encoding === 'identity') return undefined
    return fault('upstream_garbled', `${url.host} sends the file compressed, though it was asked not to.`)
  }
  if (status === 416) return undefined
  const at = `${url.host} answers with status ${status}`
  const afterMs = parseRetryAfterMs(headers, options.clock.now())
  if (status === 429)
    return fault('upstream_rate_limited', `${at}: too many requests. Wait a while, then pull again.`, {
      again: true,
      afterMs,
    })
  if (status === 408 || status >= 500)
    return fault(
      'upstream_failed',
      `${at}: it has trouble of its own. Pull again later; what is here stays.`,
      {
        again: true,
        afterMs,
      },
    )
  if (status === 401 || status === 403)
    return fault('upstream_unauthorized', `${at}: ${deniedWords(url, headers, options)}`)
  if (status === 404 || status === 410)
    return fault('not_found', `${at}: there is no such file. Check owner, repository and file name.`)
  return fault('upstream_rejected', `${at}, which is no file. Check the address.`)
}

function deniedWords(url: URL, headers: Headers, { hub, token }: WebOptions): string {
  if (url.origin !== hub.origin)
    return 'it does not hand the file out. Tokens are sent to models.mirror only; use an address that needs none.'
  if (!isSafe(url))
    return 'it wants a token, and none is sent over http. Use an https address for models.mirror.'
  const gated = one(headers['x-error-code']) === 'GatedRepo'
  if (gated)
    return `the model's owner hands it out only to who has agreed to its terms, on the model's page at ${hub.host}. Agree there, and set HF_TOKEN to a token of that account.`
  return token() === undefined
    ? 'there is no such repository, or it needs a token. Check the name, or set HF_TOKEN (models.token).'
    : 'there is no such repository, or the token does not open it. Check the name and HF_TOKEN (models.token).'
}

interface Linked {
  readonly bytes?: number
  readonly sha256?: string
  readonly revision?: string
}

/**
 * What Hugging Face says of a large file beside the redirect to its bytes: for such files its ETag is the SHA-256.
 * Source: huggingface_hub, `get_hf_file_metadata`.
 */
function linkedOf(headers: Headers): Linked {
  const bytes = countOf(headers['x-linked-size'])
  const tag = one(headers['x-linked-etag'])
    ?.replace(/^(?:W\/)?"|"$/g, '')
    .toLowerCase()
  const revision = one(headers['x-repo-commit'])
  return {
    ...(bytes !== undefined && { bytes }),
    ...(tag !== undefined && /^[0-9a-f]{64}$/.test(tag) && { sha256: tag }),
    ...(revision !== undefined && /^[0-9a-f]{40}$/.test(revision) && { revision }),
  }
}

/** `bytes 5-9/10` or `bytes *\/10`; RFC 9110, 14.4. */
function spanOf(header: string | string[] | undefined): { first?: number; total?: number } | undefined {
  const parts = /^bytes (?:(\d{1,15})-\d{1,15}|\*)\/(\d{1,15}|\*)$/.exec(one(header)?.trim() ?? '')
  if (parts === null) return undefined
  return {
    ...(parts[1] !== undefined && { first: Number(parts[1]) }),
    ...(parts[2] !== undefined && parts[2] !== '*' && { total: Number(parts[2]) }),
  }
}

/** Only a strong tag says that bytes are the same; RFC 9110, 8.8.1. */
function strongTag(header: string | string[] | undefined): string | undefined {
  const tag = one(header)?.trim()
  return tag !== undefined && /^"[\x21\x23-\x7e]{1,512}"$/.test(tag) ? tag : undefined
}

function countOf(header: string | string[] | undefined): number | undefined {
  const text = one(header)?.trim()
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

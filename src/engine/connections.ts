/**
 * DESIGN. Connections to engines: one undici pool per origin, HTTP/1.1 with one request at a time on each
 * connection, kept alive.
 *
 * What is sent again, and when. A chat completion is a POST and costs money, so it is sent a second time only
 * where it certainly was not sent a first time (RFC 9110, 9.2.2). An idle connection that the engine has closed
 * is that case: undici looks at the socket before it writes, and moves the request to a fresh connection when it
 * finds it closed. Once a byte of the request has been written nobody can know whether the engine has begun, so
 * a reset is then reported as upstream_unreachable and the attempt loop decides. KEEP_ALIVE_MS below the
 * shortest idle time-out among engines' servers keeps that second case rare.
 *
 * HTTP/2 is off: over it one origin would get one connection, and one slow reader would hold up all streams.
 */
import type { LookupFunction } from 'node:net'
import { getCACertificates } from 'node:tls'
import type { Dispatcher, Pool as UndiciPool } from 'undici'
import { UpshiftError } from '../contract/problem.ts'
import { isLoopback } from '../lib/loopback.ts'
import { EnvHttpProxyAgent, Pool } from './undici.ts'

/** uvicorn (vLLM, SGLang), Node and cpp-httplib (llama.cpp) close an idle connection after 5 s. */
const KEEP_ALIVE_MS = 4_000
/** Even where a server's Keep-Alive header promises more. */
const KEEP_ALIVE_MAX_MS = 60_000
/** Origins come from the configuration; more of them is a leak. */
const MAX_ORIGINS = 1_000
const CONNECTIONS_PER_ORIGIN = 256
const CONNECT_MS = 10_000

export interface ConnectionOptions {
  /** At most this many connections to one origin; a request beyond waits, within its connect time limit. */
  readonly connectionsPerOrigin?: number
  /** Milliseconds after which a connection that is being made is given up; each call has its own limit as well. */
  readonly connectMs?: number
  /** The proxy for `http:` addresses, as in HTTP_PROXY. */
  readonly httpProxy?: string | undefined
  /** The proxy for `https:` addresses, as in HTTPS_PROXY. */
  readonly httpsProxy?: string | undefined
  /** Hosts to reach directly, as in NO_PROXY. Loopback is always reached directly. */
  readonly noProxy?: string | undefined
  /** PEM text of certificate authorities to trust besides the usual ones and NODE_EXTRA_CA_CERTS. */
  readonly ca?: string | undefined
  /** How the name of a host becomes an address, where no proxy does that; default: as the system does. */
  readonly lookup?: LookupFunction | undefined
}

export interface Connections {
  /** The dispatcher for the URL's origin; the same one every time. */
  dispatcherFor(url: URL): Dispatcher
  /** Destroys all connections, those in use as well: call it after the drain. */
  close(): Promise<void>
}

export function createConnections(options: ConnectionOptions = {}): Connections {
  const byOrigin = new Map<string, Dispatcher>()
  const pool = poolOptions(options)
  return {
    dispatcherFor(url) {
      const { origin } = url
      let dispatcher = byOrigin.get(origin)
      if (dispatcher === undefined) {
        if (byOrigin.size >= MAX_ORIGINS) throw tooManyOrigins()
        dispatcher = createDispatcher(url, options, pool)
        byOrigin.set(origin, dispatcher)
      }
      return dispatcher
    },
    async close() {
      const all = [...byOrigin.values()]
      byOrigin.clear()
      await Promise.all(all.map((dispatcher) => dispatcher.destroy()))
    },
  }
}

function poolOptions(options: ConnectionOptions): UndiciPool.Options {
  const { connectionsPerOrigin = CONNECTIONS_PER_ORIGIN, connectMs = CONNECT_MS, ca, lookup } = options
  return {
    connections: connectionsPerOrigin,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    connect: { timeout: connectMs, allowH2: false, ...trust(ca), ...(lookup && { lookup }) },
  }
}

/** `ca` replaces Node's list, so the list goes along; it holds NODE_EXTRA_CA_CERTS already. */
function trust(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }
}

function createDispatcher(url: URL, options: ConnectionOptions, pool: UndiciPool.Options): Dispatcher {
  const proxy = url.protocol === 'https:' ? options.httpsProxy : options.httpProxy
  if (proxy === undefined || proxy === '' || isDirect(url.hostname)) return new Pool(url.origin, pool)
  // Empty texts, and not absent ones: for an absent one undici would read the environment itself.
  return new EnvHttpProxyAgent({
    ...pool,
    httpProxy: url.protocol === 'http:' ? proxy : '',
    httpsProxy: url.protocol === 'https:' ? proxy : '',
    noProxy: options.noProxy ?? '',
    connectTimeout: options.connectMs ?? CONNECT_MS,
    requestTls: { ...trust(options.ca) },
    proxyTls: { ...trust(options.ca) },
    factory: (origin: URL | string, own: object) => new Pool(origin, { ...pool, ...own }),
  })
}

/**
 * Hosts that no proxy can reach for us. What counts as this machine must be direct: a prompt that needs no
 * allowance because it stays here would else leave by the proxy.
 */
function isDirect(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '').toLowerCase()
  return isLoopback(name) || name.endsWith('.localhost')
}

function tooManyOrigins(): UpshiftError {
  return new UpshiftError({
    code: 'internal',
    message: `More than ${MAX_ORIGINS} different engine addresses were used. Give an engine one stable address for each replica.`,
  })
}

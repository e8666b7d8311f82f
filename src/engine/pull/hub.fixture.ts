import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { CERTIFICATE, CERTIFICATE_KEY } from '../connections.fixture.ts'

/** How a server treats one request for a file. */
export type Behaviour =
  /** As it should. */
  | { readonly do: 'serve' }
  /** Breaks the connection after so many bytes of the body. */
  | { readonly do: 'cut'; readonly after: number }
  /** Falls silent after so many bytes. */
  | { readonly do: 'stall'; readonly after: number }
  /** A byte now and then. */
  | { readonly do: 'drip' }
  /** Another byte at a place of the file. */
  | { readonly do: 'corrupt'; readonly at: number }
  /** A length that is not that of the body: more is announced than comes, or less. */
  | { readonly do: 'announce'; readonly more: number }
  /** The whole file whatever was asked for. */
  | { readonly do: 'ignore-range' }
  /** A range, on whatever condition. */
  | { readonly do: 'ignore-condition' }
  /** Another range than was asked for. */
  | { readonly do: 'shift-range'; readonly by: number }
  /** Whole, without a length, in chunks. */
  | { readonly do: 'chunked'; readonly cutAfter?: number }
  /** Whole, without a length, to the end of the connection. */
  | { readonly do: 'until-close' }
  | { readonly do: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly do: 'redirect'; readonly to: string; readonly status?: number }
  /** Bytes that are no HTTP. */
  | { readonly do: 'gibberish' }
  /** Compressed, though identity was asked for. */
  | { readonly do: 'encode' }

export interface HubFile {
  readonly bytes: Buffer
  /** Null: the server sends no tag. */
  readonly etag?: string | null
  /** Sent as Hugging Face does. */
  readonly linked?: { readonly sha256?: string; readonly revision?: string; readonly bytes?: number }
}

export interface Seen {
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

/** A server of files on loopback that behaves as it is told, request by request; then as it should. */
export class Hub {
  readonly files = new Map<string, HubFile>()
  /** By path: what happens at the next requests, in order. */
  readonly script = new Map<string, Behaviour[]>()
  /** What happens at every request once the script is over. */
  readonly always = new Map<string, Behaviour>()
  readonly seen: Seen[] = []
  readonly #server: ReturnType<typeof createServer>
  readonly #scheme: string
  #dripping = new Set<NodeJS.Timeout>()

  private constructor(tls: boolean) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => this.#serve(request, response)
    this.#scheme = tls ? 'https' : 'http'
    this.#server = tls
      ? createTlsServer({ key: CERTIFICATE_KEY, cert: CERTIFICATE }, serve)
      : createServer(serve)
  }

  static async start(tls = false): Promise<Hub> {
    const hub = new Hub(tls)
    hub.#server.listen(0, '127.0.0.1')
    await once(hub.#server, 'listening')
    return hub
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }

  url(path: string): URL {
    return new URL(`${this.origin}${path}`)
  }

  /** Requests for a path, the survey of its first byte left out. */
  fetches(path: string): readonly Seen[] {
    return this.seen.filter((one) => one.path === path && one.headers.range !== 'bytes=0-0')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#dripping) clearInterval(timer)
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? '/', this.origin).pathname
    this.seen.push({ path, headers: request.headers })
    response.on('error', () => {})
    const behaviour = this.script.get(path)?.shift() ?? this.always.get(path) ?? { do: 'serve' as const }
    const file = this.files.get(path)
    if (behaviour.do === 'gibberish') return void request.socket.end('\u0000\u0001 no HTTP at all\r\n\r\n')
    if (behaviour.do === 'status') {
      response.writeHead(behaviour.status, behaviour.headers ?? {}).end('<html>sorry</html>')
      return
    }
    if (behaviour.do === 'redirect') {
      const headers = { location: behaviour.to, ...linkedHeaders(file) }
      response.writeHead(behaviour.status ?? 302, headers).end('moved')
      return
    }
    if (file === undefined) {
      response.writeHead(404).end('none')
      return
    }
    this.#send(file, behaviour, request, response)
  }

  #send(file: HubFile, behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
    const etag = file.etag === undefined ? `"${hash('sha256', file.bytes).slice(0, 20)}"` : file.etag
    const total = file.bytes.length
    const from = rangeOf(request, etag, behaviour)
    const headers: Record<string, string | number> = { ...linkedHeaders(file), ...(etag && { etag }) }
    if (from !== undefined && from.first >= total) {
      response.writeHead(416, { ...headers, 'content-range': `bytes */${total}` }).end()
      return
    }
    const shift = from !== undefined && behaviour.do === 'shift-range' ? behaviour.by : 0
    const first = Math.max(0, Math.min(total - 1, (from?.first ?? 0) + shift))
    const last = Math.min(total - 1, from?.last ?? total - 1)
    const body = Buffer.from(file.bytes.subarray(first, last + 1))
    if (behaviour.do === 'corrupt' && behaviour.at >= first && behaviour.at <= last) {
      const at = behaviour.at - first
      body[at] = (body[at] ?? 0) ^ 0xff
    }
    if (from !== undefined) headers['content-range'] = `bytes ${first}-${last}/${total}`
    if (behaviour.do === 'encode') headers['content-encoding'] = 'gzip'
    const status = from === undefined ? 200 : 206
    if (behaviour.do === 'until-close') {
      response.shouldKeepAlive = false
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      request.socket.end(
        Buffer.concat([
          Buffer.from(`HTTP/1.1 ${status} OK\r\nconnection: close\r\n${lines.join('')}\r\n`),
          body,
        ]),
      )
      return
    }
    if (behaviour.do !== 'chunked')
      headers['content-length'] = body.length + (behaviour.do === 'announce' ? behaviour.more : 0)
    response.strictContentLength = false
    response.writeHead(status, headers)
    this.#body(body, behaviour, response)
  }

  #body(body: Buffer, behaviour: Behaviour, response: ServerResponse): void {
    const stopAfter =
      behaviour.do === 'cut' || behaviour.do === 'stall'
        ? behaviour.after
        : behaviour.do === 'chunked'
          ? behaviour.cutAfter
          : undefined
    if (behaviour.do === 'drip') {
      let at = 0
      const timer = setInterval(() => response.write(body.subarray(at, ++at)), 20)
      this.#dripping.add(timer)
      response.on('close', () => clearInterval(timer))
      return
    }
    if (stopAfter === undefined || stopAfter >= body.length) {
      if (behaviour.do === 'announce' && behaviour.more > 0) {
        response.write(body, () => response.socket?.destroySoon())
      } else response.end(body)
      return
    }
    response.flushHeaders()
    response.write(body.subarray(0, stopAfter), () => {
      if (behaviour.do !== 'stall') response.socket?.destroySoon()
    })
  }
}

function linkedHeaders(file: HubFile | undefined): Record<string, string> {
  const { sha256, revision, bytes } = file?.linked ?? {}
  return {
    ...(sha256 !== undefined && { 'x-linked-etag': `"${sha256}"` }),
    ...(bytes !== undefined && { 'x-linked-size': String(bytes) }),
    ...(revision !== undefined && { 'x-repo-commit': revision }),
  }
}

/** What is sent whole, whatever was asked for. */
const WHOLE: readonly string[] = ['ignore-range', 'chunked', 'until-close']

function rangeOf(
  { headers }: IncomingMessage,
  etag: string | null,
  behaviour: Behaviour,
): { first: number; last: number | undefined } | undefined {
  const parts = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  if (parts === null || WHOLE.includes(behaviour.do)) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag && behaviour.do !== 'ignore-condition') return undefined
  return { first: Number(parts[1]), last: parts[2] === '' ? undefined : Number(parts[2]) }
}

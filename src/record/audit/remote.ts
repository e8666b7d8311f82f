import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { UpshiftError } from '../../contract/problem.ts'
import { isLoopback } from '../../lib/loopback.ts'
import { request as requestHttp } from '../../lib/node-http.ts'

const TIMEOUT_MS = 15_000
const MAX_REPLY_BYTES = 8_388_608
const TEXT = 'text/plain; charset=utf-8'

export interface RemoteCall {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly body?: string
  /** True: plain HTTP may leave this machine. */
  readonly insecure: boolean
  readonly signal: AbortSignal
}

/** True for what is sent to a server rather than written to a file. */
export function isUrl(place: string): boolean {
  return /^https?:\/\//i.test(place)
}

/**
 * Text to or from a server that keeps checkpoints. Follows no redirect: where a checkpoint goes is what was said.
 * Throws UpshiftError with what to do.
 */
export async function call(remote: RemoteCall): Promise<string> {
  const url = parseUrl(remote)
  const signal = AbortSignal.any([remote.signal, AbortSignal.timeout(TIMEOUT_MS)])
  try {
    const reply = await exchange(url, remote, signal)
    const text = await readText(reply)
    const status = reply.statusCode ?? 0
    if (status >= 200 && status <= 299) return text
    const where = reply.headers.location
    const moved =
      where === undefined ? '' : ` It points to ${where}: give that address if it is the right one.`
    throw new UpshiftError({
      code: 'upstream_failed',
      message: `${url.href} answered with status ${status}.${moved} Nothing was exchanged.`,
    })
  } catch (cause) {
    if (cause instanceof UpshiftError) throw cause
    remote.signal.throwIfAborted()
    if (signal.aborted) {
      const message = `${url.href} did not answer within ${TIMEOUT_MS / 1_000} s. Try again, or check the address.`
      throw new UpshiftError({ code: 'upstream_timeout', message }, cause)
    }
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `${url.href} cannot be reached: ${why}. Check the address and the network.`
    throw new UpshiftError({ code: 'upstream_unreachable', message }, cause)
  }
}

function parseUrl({ url, insecure }: RemoteCall): URL {
  if (!URL.canParse(url)) throw new UpshiftError({ code: 'invalid_request', message: `${url} is not a URL.` })
  const parsed = new URL(url)
  if (parsed.protocol === 'https:' || insecure || isLoopback(parsed.hostname)) return parsed
  const message = `${parsed.origin} is plain HTTP off this machine: whoever is on the way could change a checkpoint. Use https, or say --insecure.`
  throw new UpshiftError({ code: 'invalid_request', message })
}

function exchange(url: URL, { method, body }: RemoteCall, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = url.protocol === 'https:' ? requestHttps : requestHttp
  const headers =
    body === undefined
      ? { accept: TEXT }
      : { 'content-type': TEXT, 'content-length': Buffer.byteLength(body) }
  request(url, { method, headers, signal, agent: false }, resolve).on('error', reject).end(body)
  return promise
}

async function readText(reply: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of reply) {
    const buffer = Buffer.from(piece)
    bytes += buffer.length
    if (bytes > MAX_REPLY_BYTES) {
      reply.destroy()
      throw new UpshiftError({
        code: 'upstream_failed',
        message: `The server sent more than ${MAX_REPLY_BYTES} bytes, which is no list of checkpoints.`,
      })
    }
    pieces.push(buffer)
  }
  return Buffer.concat(pieces, bytes).toString('utf8')
}

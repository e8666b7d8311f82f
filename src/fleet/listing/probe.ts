import type { Dispatcher } from 'undici'

/** More than this in answer to a list of models is not a list of models. */
const REPLY_BYTES = 4 * 1024 * 1024
/** Of a refusal this much is read away, so that its connection can be used again. */
const DUMP_BYTES = 65_536

export type DispatcherFor = (url: string) => Dispatcher

export interface Probe {
  readonly method?: 'GET' | 'POST'
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** For the whole exchange: connection, headers and body. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** `absent`: nothing listens. `silent`: no answer in time. `strange`: an answer that is no JSON. */
export type Probed =
  | { readonly type: 'json'; readonly value: unknown }
  | { readonly type: 'status'; readonly status: number }
  | { readonly type: 'absent' | 'silent' | 'strange'; readonly why: string }

/** A kept connection that the other side has closed meanwhile costs one more try; every probe may be repeated. */
const TRIES = 2

/** Asks one URL for JSON. Never throws, never follows a redirect, reads at most 4 MiB. */
export async function probeJson(url: string, dispatcherFor: DispatcherFor, probe: Probe): Promise<Probed> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), probe.timeoutMs)
  timer.unref()
  const signal = probe.signal ? AbortSignal.any([probe.signal, deadline.signal]) : deadline.signal
  try {
    for (let tried = 1; ; tried++) {
      try {
        return await exchange(url, dispatcherFor, probe, signal)
      } catch (error) {
        if (!signal.aborted && tried < TRIES && codeOf(error) === 'UND_ERR_SOCKET') continue
        return failure(error, deadline.signal.aborted, probe.timeoutMs)
      }
    }
  } finally {
    clearTimeout(timer)
  }
}

async function exchange(
  url: string,
  dispatcherFor: DispatcherFor,
  probe: Probe,
  signal: AbortSignal,
): Promise<Probed> {
  const { origin, pathname, search } = new URL(url)
  const reply = await dispatcherFor(url).request({
    origin,
    path: pathname + search,
    method: probe.method ?? 'GET',
    headers: { accept: 'application/json', 'user-agent': 'upshift', ...jsonType(probe), ...probe.headers },
    body: probe.body === undefined ? null : JSON.stringify(probe.body),
    headersTimeout: probe.timeoutMs,
    bodyTimeout: probe.timeoutMs,
    signal,
  })
  if (reply.statusCode === 200) return readJson(reply.body)
  await reply.body.dump({ limit: DUMP_BYTES, signal })
  return { type: 'status', status: reply.statusCode }
}

async function readJson(body: AsyncIterable<unknown> & { destroy(): unknown }): Promise<Probed> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    const buffer = Buffer.isBuffer(piece) ? piece : Buffer.from(String(piece))
    bytes += buffer.length
    if (bytes > REPLY_BYTES) {
      body.destroy()
      return { type: 'strange', why: `it answered with more than ${REPLY_BYTES} bytes` }
    }
    pieces.push(buffer)
  }
  try {
    return { type: 'json', value: JSON.parse(Buffer.concat(pieces, bytes).toString('utf8')) }
  } catch {
    return { type: 'strange', why: 'its answer is not JSON' }
  }
}

function jsonType(probe: Probe): Record<string, string> {
  return probe.body === undefined ? {} : { 'content-type': 'application/json' }
}

const ABSENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/

function failure(error: unknown, late: boolean, timeoutMs: number): Probed {
  if (late) return { type: 'silent', why: `it did not answer within ${timeoutMs} ms` }
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  if (/UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT/.test(code)) {
    return { type: 'silent', why: `it did not answer within ${timeoutMs} ms` }
  }
  const why = code && !text.includes(code) ? `${text} (${code})` : text
  return ABSENT.test(why) ? { type: 'absent', why } : { type: 'strange', why }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** A field of an unknown value, where it is an object and has it. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** The objects of a list that may stand under `name` or be the value itself; at most `limit`. */
export function listOf(value: unknown, name: string, limit: number): readonly object[] | undefined {
  const list = Array.isArray(value) ? value : fieldOf(value, name)
  if (!Array.isArray(list)) return undefined
  const found: object[] = []
  for (const item of list) {
    if (typeof item === 'object' && item !== null) found.push(item)
    if (found.length === limit) break
  }
  return found
}

/** A positive whole number, or undefined. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

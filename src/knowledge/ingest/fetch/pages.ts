import { isIP } from 'node:net'
import { gunzipSync } from 'node:zlib'
import type { FetchedPage, PageFetcher } from '../../../contract/page.ts'
import { isPublicAddress } from '../../../lib/public-address.ts'
import { NotPublic } from './not-public.ts'

/** Which addresses may be fetched from: beginnings of URLs. */
export interface AllowedPages {
  /** On public addresses. */
  readonly urls: readonly string[]
  /** In private networks or on this machine, too. */
  readonly privateUrls: readonly string[]
}

/** Where an address may lead. A `public` one is looked up with `publicLookup`. */
export type Reach = 'public' | 'private'

export interface PageReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AsyncIterable<Uint8Array>
}

/** How one request is made; redirects are left to who asks. */
export interface PageTransport {
  get(url: URL, reach: Reach, signal: AbortSignal): Promise<PageReply>
  close(): Promise<void>
}

const MAX_REDIRECTS = 5
const MAX_PAGE_BYTES = 64 * 1024 * 1024
const PAGE_TIMEOUT_MS = 60_000

/**
 * Fetches what the allow-lists name, redirects included, each of which must be allowed by itself; none leads from a public
 * address into a private network. Bounded in bytes, time and redirects.
 */
export function createPageFetcher(allowed: AllowedPages, transport: PageTransport): PageFetcher {
  return {
    fetch: (url, signal) => fetchPage(url, allowed, transport, signal),
    [Symbol.asyncDispose]: () => transport.close(),
  }
}

async function fetchPage(
  wanted: string,
  allowed: AllowedPages,
  transport: PageTransport,
  aborted: AbortSignal,
): Promise<FetchedPage> {
  const late = AbortSignal.timeout(PAGE_TIMEOUT_MS)
  const signal = AbortSignal.any([aborted, late])
  try {
    let url = urlOf(wanted)
    let reach = reachOf(url, allowed)
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const reply = await reached(transport.get(url, reach, signal))
      const target = redirectOf(reply, url)
      if (target === undefined) return await pageOf(reply)
      for await (const _ of reply.body) break
      const before = reach
      url = target
      reach = reachOf(url, allowed)
      if (before === 'public' && reach === 'private') {
        throw new Error(`it redirects from a public address to ${url.host}, which is a private one`)
      }
    }
    throw new Error(`it redirects more than ${MAX_REDIRECTS} times`)
  } catch (error) {
    if (!late.aborted || aborted.aborted) throw error
    throw new Error(`it did not come within ${PAGE_TIMEOUT_MS / 1_000} s`)
  }
}

/** A failure of the network in words; some have only a code. */
async function reached(reply: Promise<PageReply>): Promise<PageReply> {
  try {
    return await reply
  } catch (error) {
    if (!(error instanceof Error) || error instanceof NotPublic) throw error
    const code = 'code' in error ? String(error.code) : error.name
    throw new Error(`it could not be fetched: ${error.message === '' ? code : error.message}`, {
      cause: error,
    })
  }
}

function urlOf(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error('it is no http or https address')
  if (url.username !== '' || url.password !== '') {
    throw new Error('its address holds a name or password, which would be kept as the name of the document')
  }
  return url
}

/** The lists decide; an address of numbers is never looked up, so it is judged here. */
function reachOf(url: URL, { urls, privateUrls }: AllowedPages): Reach {
  if (privateUrls.some((one) => covers(one, url))) return 'private'
  if (!urls.some((one) => covers(one, url))) {
    throw new Error(
      `${url.origin}${url.pathname} is not allowed: name it, or a beginning of it, in knowledge.urls`,
    )
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new NotPublic(host)
  return 'public'
}

/** Same scheme, host and port, and a path below: `/docs` covers `/docs` and `/docs/a`, not `/docs-2`. */
function covers(beginning: string, url: URL): boolean {
  const own = URL.parse(beginning)
  if (own === null || own.origin !== url.origin) return false
  const folder = own.pathname.endsWith('/') ? own.pathname : `${own.pathname}/`
  return url.pathname === own.pathname || url.pathname.startsWith(folder)
}

function redirectOf({ status, headers }: PageReply, from: URL): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined
  const location = headers['location']
  if (typeof location !== 'string')
    throw new Error(`its server answered ${status} without saying where it is`)
  const target = URL.parse(location, from.href)
  if (target === null) throw new Error('it redirects to what is no address')
  return urlOf(target.href)
}

async function pageOf({ status, headers, body }: PageReply): Promise<FetchedPage> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    if (status !== 200) break
    length += part.length
    if (length > MAX_PAGE_BYTES) throw tooLarge()
    parts.push(part)
  }
  if (status !== 200) throw new Error(`its server answered ${status}`)
  const contentType = headers['content-type']
  const content = unpacked(Buffer.concat(parts), headers['content-encoding'])
  return { content, contentType: typeof contentType === 'string' ? contentType : '' }
}

/** Asked for as it is; some servers pack it all the same. */
function unpacked(content: Buffer, encoding: string | string[] | undefined): Buffer {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return content
  if (encoding !== 'gzip') throw new Error(`its server packed it by ${String(encoding)}, unasked`)
  try {
    return gunzipSync(content, { maxOutputLength: MAX_PAGE_BYTES })
  } catch (error) {
    throw error instanceof RangeError
      ? tooLarge()
      : new Error('its server packed it, and it cannot be unpacked')
  }
}

function tooLarge(): Error {
  return new Error(`it has more than ${MAX_PAGE_BYTES} bytes`)
}

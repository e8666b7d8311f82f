import { loadConfig } from '../config/load.ts'
import { SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import type { PageFetcher } from '../contract/page.ts'
import { createConnections } from '../engine/connections.ts'
import { NotPublic } from '../knowledge/ingest/fetch/not-public.ts'
import { createPageFetcher, type PageTransport } from '../knowledge/ingest/fetch/pages.ts'
import { publicLookup } from '../lib/public-address.ts'

/** Pages that `knowledge add` may fetch, as configured; over connections of their own, without a proxy. */
export function openPages(around: Surroundings): PageFetcher {
  const { urls, privateUrls } = loadConfig(SECTIONS, around).config.knowledge
  return createPageFetcher({ urls, privateUrls }, pageTransport())
}

const CONNECTIONS_PER_ORIGIN = 4
const HEADERS_TIMEOUT_MS = 30_000

export function pageTransport(): PageTransport {
  const connections = {
    public: createConnections({
      connectionsPerOrigin: CONNECTIONS_PER_ORIGIN,
      lookup: publicLookup((host) => new NotPublic(host)),
    }),
    private: createConnections({ connectionsPerOrigin: CONNECTIONS_PER_ORIGIN }),
  }
  return {
    async get(url, reach, signal) {
      const { statusCode, headers, body } = await connections[reach].dispatcherFor(url).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'upshift' },
        headersTimeout: HEADERS_TIMEOUT_MS,
        bodyTimeout: HEADERS_TIMEOUT_MS,
        signal,
      })
      return { status: statusCode, headers, body }
    },
    async close() {
      await Promise.all([connections.public.close(), connections.private.close()])
    },
  }
}

import { createRequire } from 'node:module'

/*
 * DESIGN. undici without what no request here uses: its index loads fetch, WebSockets, caches and mocks as well, 3 MB of
 * heap. What is loaded is put together as the index puts it together, and has the types of what it exports; the
 * version is pinned, and the tests of connections go through all of it.
 */
const require = createRequire(import.meta.url)

type Undici = typeof import('undici')

// `request` of every dispatcher, and the `connect` that tunnels need.
Object.assign(
  (require('undici/lib/dispatcher/dispatcher.js') as Undici['Dispatcher']).prototype,
  require('undici/lib/api/index.js'),
)

/** Connections to one origin. */
export const Pool = require('undici/lib/dispatcher/pool.js') as Undici['Pool']

/** Connections through a proxy. */
export const EnvHttpProxyAgent =
  require('undici/lib/dispatcher/env-http-proxy-agent.js') as Undici['EnvHttpProxyAgent']

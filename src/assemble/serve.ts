import { keyRoutes } from '../caller/routes.ts'
import { loadConfig } from '../config/load.ts'
import { type Config, SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import type { Route } from '../contract/route.ts'
import { fleetRoutes } from '../fleet/routes.ts'
import { parseBody } from '../guard/bounds.ts'
import type { HttpServer } from '../http/listening.ts'
import { ownRoutes } from '../http/own.ts'
import { createHttpServer } from '../http/server.ts'
import { knowledgeRoutes } from '../knowledge/routes.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import type { Logs } from '../observe/logs.ts'
import { createMetrics, type FleetGauges, type Metrics } from '../observe/metrics.ts'
import { modelRoutes } from '../route/routes.ts'
import { doctorRoutes } from './doctor.ts'
import { removeServerFile, writeServerFile } from './home.ts'
import { openParts, type Parts } from './parts.ts'
import { createPath } from './path.ts'

/** A home that is open and answers: on the network, on its control socket, or both. */
export interface Serving {
  /** `http://127.0.0.1:4000`; undefined where only the control socket is open. */
  readonly address: string | undefined
  readonly parts: Parts
  readonly config: Config
  /** Ends it: nothing new, what runs may end within the bound, then everything is closed in order. */
  stop(): Promise<{ readonly cut: number }>
}

export interface ServeOptions {
  readonly around: Surroundings
  readonly version: string
  readonly logs: Logs
  /** `network`: listens as configured. `control`: only on the home's socket, for one command. */
  readonly on: 'network' | 'control'
}

/** Long enough for a request that is on its way on an open connection; where none is open nothing is waited for. */
const LINGER_MS = 250

/** Opens the home and serves it. Throws UpshiftError with the next step where it cannot. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { around, logs } = options
  const loaded = loadConfig(SECTIONS, around)
  for (const warning of loaded.warnings) logs.warn(warning)
  const { config } = loaded
  await using opening = new AsyncDisposableStack()
  const ownPort = options.on === 'network' ? config.server.port : undefined
  const parts = opening.use(await openParts({ config, around, logs, ownPort, version: options.version }))
  const path = opening.use(createPath(config, parts))
  const metrics = createMetrics()
  metrics.observe(() => fleetGauges(parts))
  const { host, port } = config.server
  const state = { draining: false, address: `http://${host}:${port}` }
  const routes = allRoutes(config, parts, metrics, options.version, state)
  const { server: limits } = config
  const server = await createHttpServer({
    handle: path.handle,
    authenticate: (credential) => parts.keys.authenticate(credential),
    parseBody: (bytes) => parseBody(bytes, config.guard.bounds),
    routes,
    metrics,
    logs,
    newRequestId: () => newId('req', systemClock.now()),
    clock: systemClock,
    origin: {
      hosts: [...limits.hosts, limits.host].map((host) => host.toLowerCase()),
      origins: limits.origins,
    },
    limits: { ...limits, maxBodyBytes: config.guard.bounds.maxBodyBytes },
  })
  const address = await listen(server, parts, config, options.on)
  if (address !== undefined) state.address = address
  parts.fleet.start()
  if (options.on === 'network') {
    void parts.fleet.refresh('all')
    parts.record.follower.start()
  }
  const opened = opening.move()
  return {
    address,
    parts,
    config,
    stop: async () => {
      state.draining = true
      const drained = await server.drain({
        drainMs: config.server.drainMs,
        lingerMs: LINGER_MS,
      })
      if (address !== undefined) removeServerFile(parts.paths)
      await opened.disposeAsync()
      return drained
    },
  }
}

async function listen(
  server: HttpServer,
  parts: Parts,
  config: Config,
  on: ServeOptions['on'],
): Promise<string | undefined> {
  try {
    await server.listenControl(parts.paths.control)
    if (on === 'control') return undefined
    const address = await server.listen(config.server.host, config.server.port)
    const startedAt = new Date(systemClock.now()).toISOString()
    writeServerFile(parts.paths, { pid: process.pid, address, startedAt })
    return address
  } catch (error) {
    // What listens already would keep the process alive over parts that are closed.
    await server.drain({ drainMs: 0, lingerMs: 0 })
    throw error
  }
}

function allRoutes(
  config: Config,
  parts: Parts,
  metrics: Metrics,
  version: string,
  state: { readonly draining: boolean; readonly address: string },
): readonly Route[] {
  const features = [
    ...keyRoutes(parts.keys, parts.ledger),
    ...fleetRoutes(parts.fleet),
    ...knowledgeRoutes(parts.handbook),
    ...modelRoutes(config.route, () => parts.fleet.models()),
    ...doctorRoutes(parts, version),
  ]
  const notReady = () => {
    const broken = parts.record.log.broken
    return [...(state.draining ? ['the server is draining'] : []), ...(broken === undefined ? [] : [broken])]
  }
  return [
    ...features,
    ...ownRoutes({ version, address: () => state.address, notReady, metrics, routes: features }),
  ]
}

function fleetGauges(parts: Parts): FleetGauges {
  const { engines, queue } = parts.fleet.snapshot()
  const replicas = engines.flatMap((engine) =>
    engine.replicas.map((replica) => ({
      replica: replica.id,
      up: engine.available && replica.reach.state !== 'down' && replica.breaker !== 'open',
      inFlight: replica.inFlight,
    })),
  )
  const spend = engines.flatMap(({ name, spend: day }) =>
    day === undefined
      ? []
      : [{ engine: name, spentMicros: day.spentMicros + day.heldMicros, capMicros: day.capMicros }],
  )
  return { replicas, waiting: queue.waiting, spend }
}

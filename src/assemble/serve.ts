import { loadConfig } from '../config/load.ts'
import { type Config, SECTIONS } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import { parseBody } from '../guard/bounds.ts'
import type { HttpServer } from '../http/listening.ts'
import { createHttpServer } from '../http/server.ts'
import { systemClock } from '../lib/clock.ts'
import { newId } from '../lib/ids.ts'
import { Turns } from '../lib/turns.ts'
import type { Logs } from '../observe/logs.ts'
import { createMetrics } from '../observe/metrics.ts'
import { aliasWarnings } from './aliases.ts'
import { gaugesOf } from './gauges.ts'
import { createGoverning, endErasures, expireHourly, type Governing } from './govern.ts'
import { removeServerFile, writeServerFile } from './home.ts'
import { handbookFolder, openParts, type Parts } from './parts.ts'
import { createPath, type Path } from './path.ts'
import { type Reloaded, Reloading } from './reload.ts'
import { createResponses } from './responses.ts'
import { allRoutes } from './routes.ts'

/** A home that is open and answers: on the network, on its control socket, or both. */
export interface Serving {
  /** `http://127.0.0.1:4000`; undefined where only the control socket is open. */
  readonly address: string | undefined
  readonly parts: Parts
  readonly config: Config
  /** Reads the configuration again and puts in force what can be. Throws UpshiftError where it has a fault. */
  reload(by: string): Promise<Reloaded>
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
/** What is read for the first decisions takes a tenth of a second: it waits until the start is over. */
const WARM_AFTER_MS = 500
/** Backups and expiries that may wait for each other. */
const MAINTENANCE_WAITING = 4

/** Opens the home and serves it. Throws UpshiftError with the next step where it cannot. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const { around, logs } = options
  const loaded = loadConfig(SECTIONS, around)
  for (const warning of loaded.warnings) logs.warn(warning)
  const { config } = loaded
  await using opening = new AsyncDisposableStack()
  const ownPort = options.on === 'network' ? config.server.port : undefined
  const parts = opening.use(await openParts({ config, around, logs, ownPort, version: options.version }))
  const path = opening.use(createPath(config, parts, logs))
  const metrics = createMetrics(gaugesOf(parts, path.prior))
  const { host, port } = config.server
  const state = { draining: false, address: `http://${host}:${port}` }
  const turns = new Turns(MAINTENANCE_WAITING)
  const governing = governingOf(parts, path, config, turns)
  await endErasures(governing, parts, logs)
  let now = config
  const reloading = new Reloading(loaded, {
    around,
    logs,
    apply: (next) => {
      parts.reconfigure(next)
      path.apply(next)
      now = next
    },
    warnings: (next) => aliasWarnings(parts, next),
    changed: (to, by) =>
      parts.record.recorder.append({ type: 'policy-changed', what: 'configuration', to, by }),
  })
  const responses = createResponses(() => now, parts.record)
  const routes = allRoutes({
    config: () => now,
    ...{ parts, governing, turns, metrics, state, responses, reloading },
    ...{ version: options.version, embed: path.embed, prior: path.prior },
  })
  const server = await createHttpServer({
    ...listenerOf(config),
    handle: path.handle,
    count: path.count,
    embed: path.embed,
    authenticate: (credential) => parts.keys.authenticate(credential),
    parseBody: (bytes) => parseBody(bytes, now.guard.bounds),
    routes,
    responses,
    metrics,
    logs,
  })
  const address = await listen(server, parts, config, options.on)
  if (address !== undefined) state.address = address
  parts.fleet.start()
  if (options.on === 'network') {
    void firstLook(parts, () => now, logs)
    parts.record.follower.start()
    setTimeout(path.warm, WARM_AFTER_MS).unref()
    opening.use(expireHourly(governing, logs))
  }
  const opened = opening.move()
  return {
    address,
    parts,
    config,
    reload: (by) => reloading.reload(by),
    stop: async () => {
      state.draining = true
      const drained = await server.drain({ drainMs: config.server.drainMs, lingerMs: LINGER_MS })
      if (address !== undefined) removeServerFile(parts.paths)
      await opened.disposeAsync()
      return drained
    },
  }
}

/** Asks every engine what it has; what leads to none of them by then is said. */
async function firstLook(parts: Parts, config: () => Config, logs: Logs): Promise<void> {
  await parts.fleet.refresh('all')
  for (const warning of await aliasWarnings(parts, config())) logs.warn(warning)
}

function governingOf(parts: Parts, path: Path, config: Config, turns: Turns): Governing {
  return createGoverning({
    ...parts,
    turns,
    retention: config.govern.retention,
    docs: handbookFolder(config),
    forgetRemembered: () => path.forget(),
    prove: (id) => parts.record.follower.ask('prove', id),
  })
}

/** What the listener is opened with, for as long as the process lives. */
function listenerOf({ guard, server }: Config) {
  return {
    newRequestId: () => newId('req', systemClock.now()),
    clock: systemClock,
    origin: {
      hosts: [...server.hosts, server.host].map((host) => host.toLowerCase()),
      origins: server.origins,
    },
    limits: { ...server, maxBodyBytes: guard.bounds.maxBodyBytes },
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

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createKeys, type Keys } from '../caller/keys.ts'
import { createLedger, type Ledger } from '../caller/ledger/ledger.ts'
import { type OwnerKey, ownerKey } from '../caller/owner.ts'
import { migrations as keyMigrations } from '../caller/table.ts'
import { readSecretFile, resolveSecret } from '../config/secret.ts'
import type { Config } from '../config/sections.ts'
import type { Surroundings } from '../config/surroundings.ts'
import type { Entry } from '../contract/entry.ts'
import type { ModelView } from '../contract/model.ts'
import type { SecretRef } from '../contract/section.ts'
import { type Connections, createConnections } from '../engine/connections.ts'
import { createExtractiveEngine, EXTRACTIVE_MODEL } from '../engine/extractive/engine.ts'
import { LlamaEngine } from '../engine/llama/engine.ts'
import { ModelFolder } from '../engine/llama/model-folder.ts'
import { createMessagesEngine } from '../engine/messages/engine.ts'
import { createOpenAiEngine } from '../engine/openai.ts'
import { Reranker, type RerankParts } from '../engine/rerank/rerank.ts'
import { migrations as fleetMigrations, storedAllowances } from '../fleet/allow.ts'
import { createLookout } from '../fleet/discover.ts'
import { type EngineSpec, engineSpecs } from '../fleet/engines.ts'
import { environmentEngines } from '../fleet/environment.ts'
import { Fleet, type LocalModels } from '../fleet/fleet.ts'
import { Library } from '../knowledge/answer/library.ts'
import { type Handbook, openHandbook } from '../knowledge/handbook/handbook.ts'
import { systemClock } from '../lib/clock.ts'
import type { Logs } from '../observe/logs.ts'
import { expectNotLost } from '../record/backup/beside.ts'
import { expectRecord } from '../record/kinds.ts'
import { HomeHeld, type HomeLock, lockHome } from '../record/lock.ts'
import { LikeRequests, migrations as likeMigrations } from '../route/online/like.ts'
import { expectFile } from '../store/kinds.ts'
import { isBlank, openStore, type Store } from '../store/open.ts'
import type { Engines } from './engines.ts'
import { type HomePaths, homePaths, readServerFile, removeServerFile } from './home.ts'
import { localModels } from './local-models.ts'
import { modelsFolder } from './models.ts'
import { openRecord, type RecordParts } from './record.ts'

/** Everything that lives as long as the process: opened once, closed in reverse. */
export interface Parts extends AsyncDisposable {
  readonly paths: HomePaths
  readonly store: Store
  readonly record: RecordParts
  readonly owner: OwnerKey
  readonly keys: Keys
  readonly ledger: Ledger
  readonly fleet: Fleet
  readonly handbook: Handbook
  readonly library: Library
  readonly engines: Engines
  readonly reranker: Reranker
  readonly secretOf: (reference: SecretRef) => string
  /** What was learned of requests by their meaning. */
  readonly like: LikeRequests
  /** Takes over the engines of another configuration; what runs on one that has gone runs to its end. */
  reconfigure(config: Config): void
}

export interface PartsOptions {
  readonly config: Config
  readonly around: Surroundings
  readonly logs: Logs
  readonly version: string
  /** The port that this process serves on, which a look around must not ask; undefined where it serves none. */
  readonly ownPort: number | undefined
}

/** The handbook is found beside `src/` in a clone and beside `dist/` in a package: both lie equally deep. */
const HANDBOOK = new URL('../../docs/', import.meta.url)
const MODELS_WAIT_MS = 400
/** As many requests as the widest kind of engine takes at once, unless the configuration says more. */
const CONNECTIONS_PER_ORIGIN = 256
/** A look around asks four questions of one address at once, a refresh of Ollama six. */
const PROBES_PER_ORIGIN = 8

/** The folder of the handbook's documents. */
export function handbookFolder(config: Config): string {
  return config.knowledge.docs ?? fileURLToPath(HANDBOOK)
}

/** Takes the home's lock and opens what is in it. Throws UpshiftError where another process holds the home. */
export async function openParts(options: PartsOptions): Promise<Parts> {
  await using opening = new AsyncDisposableStack()
  const { config, around, logs } = options
  const paths = homePaths(config.server.home)
  expectHome(paths)
  const secretOf = (reference: SecretRef): string => resolve(reference, around, logs)
  const fromConfig = config.caller.ownerKey
  const owner = ownerKey({
    home: paths.home,
    fromConfig: fromConfig === undefined ? undefined : secretOf(fromConfig),
    randomBytes,
  })
  opening.adopt(lockFor(paths), (held) => held.release())
  // Whoever wrote it has died: the lock says so.
  removeServerFile(paths)
  if (existsSync(paths.log) && isBlank(paths.state)) logs.warn(stateGone(paths.state))
  const store = opening.adopt(
    openStore(paths.state, [...keyMigrations, ...fleetMigrations, ...likeMigrations]),
    (one) => one.close(),
  )
  const record = opening.use(await openRecord(options, paths))
  const like = openLike(store, record, logs)
  const changed = (entry: Entry): Promise<void> => record.recorder.append(entry)
  const keys = openKeys(options, store, owner, changed)
  const ledger = createLedger({ limitsOf: (key) => keys.limitsOf(key), clock: systemClock })
  ledger.restore(record.found.ledger)

  const connections = opening.adopt(connect(around, widest(config)), (one) => one.close())
  // Probes have connections of their own: an engine that is busy in every place must still be seen to be alive.
  const probes = opening.adopt(connect(around, PROBES_PER_ORIGIN), (one) => one.close())
  const stopping = new AbortController()
  const folder = new ModelFolder(modelsFolder(config), (message) => logs.warn(message))
  const llama = opening.use(openLlama(options, paths, folder))
  const fleet = opening.adopt(
    openFleet(options, store, probes, changed, secretOf, stopping.signal, localModels(config, folder)),
    (one) => {
      stopping.abort()
      return one.close()
    },
  )
  for (const [engine, micros] of record.found.spend) fleet.restoreSpend(engine, micros)
  const looking = fleet.refresh('near')
  const handbook = opening.adopt(
    openHandbook({ path: paths.knowledge, docs: handbookFolder(config) }),
    (one) => one.close(),
  )
  const library = opening.adopt(new Library(paths.collections, systemClock), (one) => one.close())
  await Promise.race([looking, new Promise((resolve) => setTimeout(resolve, MODELS_WAIT_MS).unref())])

  const over = { clock: systemClock, dispatcherFor: (url: URL) => connections.dispatcherFor(url) }
  const opened = opening.move()
  return {
    paths,
    store,
    record,
    owner,
    keys,
    ledger,
    fleet,
    handbook,
    library,
    engines: createEngines(over, llama),
    like,
    ...{ reranker: new Reranker(over), secretOf },
    reconfigure: (next) => fleet.reconfigure(next.fleet, specsOf(next, around, secretOf)),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The log tells who made which key, and not its hash: what was in the file cannot be made of it. */
function stateGone(path: string): string {
  return `${path} is not there or empty, and this home has a log: the API keys, their limits and what was allowed are gone, and a new file is begun. Where that was not meant, stop Upshift and put the file back from a backup.`
}

function openKeys(
  { config }: PartsOptions,
  store: Store,
  owner: OwnerKey,
  changed: (entry: Entry) => Promise<void>,
): Keys {
  const { maxKeys } = config.caller
  return createKeys({ store, clock: systemClock, randomBytes, owner, maxKeys, changed })
}

/** Told of each outcome from now on. One that cannot be kept is said to be so, and stops no answer. */
function openLike(store: Store, { found }: RecordParts, logs: Logs): LikeRequests {
  const like = new LikeRequests(store)
  found.routing.watch = {
    opened: (request, subject) => like.opened(request, subject),
    labelled: (request, label) => {
      try {
        like.labelled(request, label)
      } catch (error) {
        logs.warn(`What routing learned of a labelled request could not be kept in ${store.path}: ${error}`)
      }
    },
  }
  return like
}

function createEngines(over: RerankParts, llama: LlamaEngine): Engines {
  return {
    llama,
    openAi: createOpenAiEngine(over),
    messages: createMessagesEngine(over),
    extractive: createExtractiveEngine({ clock: systemClock }),
  }
}

function openLlama({ config, logs }: PartsOptions, paths: HomePaths, folder: ModelFolder): LlamaEngine {
  return new LlamaEngine({
    models: () => folder.models(),
    warmFolder: paths.warm,
    config: config.llama,
    clock: systemClock,
    random: Math.random,
    warn: (message) => logs.warn(message),
  })
}

/** Collections are left out: where they cannot be used, all else can. */
function expectHome({ home, state, index, knowledge, server }: HomePaths): void {
  expectNotLost(home)
  expectRecord(home)
  for (const path of [join(home, 'owner.key'), state, index, knowledge, server]) expectFile(path)
}

/** The home's lock; where another process holds it, the refusal says who, as far as that process told. */
function lockFor(paths: HomePaths): HomeLock {
  try {
    return lockHome(paths.home)
  } catch (error) {
    const holder = error instanceof HomeHeld ? readServerFile(paths) : undefined
    if (holder === undefined) throw error
    const message = `Process ${holder.pid} already serves ${paths.home} at ${holder.address}. Use that one, stop it, or give this one a home of its own with UPSHIFT_HOME.`
    throw new HomeHeld({ code: 'conflict', message }, error)
  }
}

function resolve(reference: SecretRef, around: Surroundings, logs: Logs): string {
  const { secret, warning } = resolveSecret(reference, around.env, readSecretFile)
  if (warning !== undefined) logs.warn(warning)
  return secret
}

/** One connection for each request that a replica may be leased for: beyond that a request would wait unseen. */
function widest(config: Config): number {
  const configured = Object.values(config.fleet.engines).map((engine) => engine.maxConcurrent ?? 0)
  return Math.max(CONNECTIONS_PER_ORIGIN, ...configured)
}

/** Proxies come from the variables that every program reads; loopback is never sent through one. */
function connect(around: Surroundings, connectionsPerOrigin: number): Connections {
  const { env } = around
  return createConnections({
    connectionsPerOrigin,
    httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'],
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'],
    noProxy: env['no_proxy'] ?? env['NO_PROXY'],
  })
}

function openFleet(
  { config, around, logs, ownPort }: PartsOptions,
  store: Store,
  probes: Connections,
  changed: (entry: Entry) => Promise<void>,
  resolveSecretOf: (reference: SecretRef) => string,
  signal: AbortSignal,
  local: LocalModels,
): Fleet {
  const dispatcherFor = (url: string) => probes.dispatcherFor(new URL(url))
  const discovering = config.fleet.discover
  const ignored = discovering ? environmentEngines(around.env).ignored : []
  for (const reason of ignored) logs.warn(reason)
  const lookout = createLookout({ dispatcherFor, ownPort, signal })
  return new Fleet({
    config: config.fleet,
    engines: specsOf(config, around, resolveSecretOf),
    allowances: storedAllowances(store),
    changed,
    dispatcherFor,
    clock: systemClock,
    random: Math.random,
    builtIn: [HANDBOOK_MODEL],
    ...(config.llama.enabled ? { local } : {}),
    ...(discovering ? { lookout } : {}),
  })
}

/** The engines that the configuration and the environment name. */
function specsOf(
  { fleet }: Config,
  { env }: Surroundings,
  resolveSecretOf: (reference: SecretRef) => string,
): readonly EngineSpec[] {
  const environment = fleet.discover ? environmentEngines(env).engines : []
  return engineSpecs({ config: fleet, found: [], environment, resolveSecret: resolveSecretOf })
}

/** The embedded default as the planner sees it: no weights, no price, always there. */
const HANDBOOK_MODEL: ModelView = {
  id: EXTRACTIVE_MODEL,
  engine: 'extractive',
  name: 'handbook',
  tier: 'fast',
  kind: 'extractive',
  offMachine: false,
  allowed: true,
  available: true,
  contextTokens: undefined,
  price: { inputPerMillion: 0, outputPerMillion: 0 },
  enforcesSchema: false,
}

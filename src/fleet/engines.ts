import type { ContinueStyle } from '../contract/model.ts'
import { UpshiftError } from '../contract/problem.ts'
import type { Tier } from '../contract/tier.ts'
import type { Price } from '../contract/usage.ts'
import { baseUrl, onThisMachine, originOf } from './address.ts'
import { DEFAULT_TIMEOUTS, type EngineConfig, type FleetConfig, type SecretReference } from './config.ts'
import type { FoundEngine } from './discover.ts'
import type { EnvironmentEngine } from './environment.ts'
import { isKind, type Kind, PROFILES } from './profiles.ts'

/** What the configuration says of one model. */
export interface ModelSetting {
  readonly name: string
  readonly kind?: 'chat' | 'embedding'
  readonly tier?: Tier
  readonly contextTokens?: number
  readonly price?: Price
  /** Base URLs that serve it; all of the engine's where absent. */
  readonly baseUrls?: readonly string[]
}

export interface Timeouts {
  readonly connectMs: number
  readonly firstTokenMs: number
  readonly betweenTokensMs: number
}

/** One engine, whole: from the configuration, from a loopback port, or from a key in the environment. */
export interface EngineSpec {
  readonly name: string
  readonly kind: Kind
  readonly source: 'config' | 'found' | 'environment'
  readonly baseUrls: readonly string[]
  /** Read at each use, so that a key file that changes is picked up. Undefined: the engine wants none. */
  readonly key: (() => string) | undefined
  /** Prompts sent there leave the machine: nothing is sent before its owner has allowed it. */
  readonly offMachine: boolean
  readonly models: readonly ModelSetting[]
  /** Dollars an hour for one replica; undefined where it is priced by tokens or not at all. */
  readonly hourlyUsd: number | undefined
  /** How it goes on from the beginning of an answer; undefined where it cannot. */
  readonly continues: ContinueStyle | undefined
  readonly capMicros: number
  readonly maxConcurrent: number | undefined
  readonly timeouts: Timeouts
}

export interface EngineSources {
  readonly config: FleetConfig
  readonly found: readonly FoundEngine[]
  readonly environment: readonly EnvironmentEngine[]
  readonly resolveSecret: (reference: SecretReference) => string
}

/**
 * The engines, the configured ones first. A configured engine takes its key and address from the environment
 * where it names none itself and is named as the vendor is. Throws UpshiftError for one without an address.
 */
export function engineSpecs(sources: EngineSources): readonly EngineSpec[] {
  const specs = Object.entries(sources.config.engines).map(([name, engine]) =>
    configured(name, engine, sources),
  )
  for (const engine of sources.environment) {
    if (specs.some((spec) => spec.name === engine.kind)) continue
    specs.push(fromEnvironment(engine, sources.config))
  }
  return foundSpecs(sources.config, sources.found, specs)
}

/** Adds what was found on loopback ports and is not among the engines yet. */
export function foundSpecs(
  config: FleetConfig,
  found: readonly FoundEngine[],
  known: readonly EngineSpec[],
): readonly EngineSpec[] {
  const specs = [...known]
  for (const engine of found) {
    const origin = originOf(engine.baseUrl)
    if (
      specs.some(
        (spec) => spec.source !== 'environment' && spec.baseUrls.some((url) => sameHost(url, origin)),
      )
    )
      continue
    const plain: string = engine.kind === 'openai-compatible' ? 'local' : engine.kind
    const taken = specs.some((spec) => spec.name === plain)
    specs.push({
      name: taken ? `${plain}-${new URL(engine.baseUrl).port}` : plain,
      kind: engine.kind,
      source: 'found',
      baseUrls: [engine.baseUrl],
      key: undefined,
      offMachine: false,
      models: [],
      continues: PROFILES[engine.kind].continues,
      hourlyUsd: undefined,
      capMicros: micros(config.dailyCapUsd),
      maxConcurrent: undefined,
      timeouts: DEFAULT_TIMEOUTS,
    })
  }
  return specs
}

function sameHost(url: string, origin: string): boolean {
  const [left, right] = [new URL(url), new URL(origin)]
  return left.port === right.port && onThisMachine(url) && onThisMachine(origin)
}

function configured(name: string, engine: EngineConfig, sources: EngineSources): EngineSpec {
  const fromEnv = sources.environment.find((candidate) => candidate.kind === name)
  const kind = engine.kind ?? (isKind(name) ? name : 'openai-compatible')
  const profile = PROFILES[kind]
  const named = [...(engine.url === undefined ? [] : [engine.url]), ...(engine.urls ?? [])]
  const fallback = fromEnv?.baseUrl ?? profile.defaultUrl
  if (named.length === 0 && fallback === undefined) {
    throw new UpshiftError({
      code: 'invalid_request',
      message: `The engine "${name}" has no address. Add \`url: http://127.0.0.1:8000/v1\` under fleet.engines.${name}.`,
      param: `fleet.engines.${name}.url`,
    })
  }
  const chosen = named.length > 0 ? named : [fallback ?? '']
  const baseUrls = [...new Set(chosen.map((url) => baseUrl(url, '/v1')))]
  const reference = engine.key
  // A key from the environment goes to the vendor's address only, never to one that the file names instead.
  const key = reference
    ? () => sources.resolveSecret(reference)
    : named.length === 0
      ? fromEnv?.key
      : undefined
  const away = baseUrls.some((url) => !onThisMachine(url)) || (named.length === 0 && fromEnv !== undefined)
  return {
    name,
    kind,
    source: 'config',
    baseUrls,
    key,
    offMachine: away && !engine.trusted,
    models: engine.models.map((model) => modelSetting(model)),
    continues: engine.continues ?? profile.continues,
    hourlyUsd: hourly(engine),
    capMicros: micros(engine.dailyCapUsd ?? sources.config.dailyCapUsd),
    maxConcurrent: engine.maxConcurrent,
    timeouts: engine.timeouts,
  }
}

/**
 * A key for a vendor's account means the vendor, so the engine counts as off the machine even where the
 * address was moved to a loopback port: a tunnel or a proxy may listen there.
 */
function fromEnvironment(engine: EnvironmentEngine, config: FleetConfig): EngineSpec {
  return {
    name: engine.kind,
    kind: engine.kind,
    source: 'environment',
    baseUrls: [engine.baseUrl],
    key: engine.key,
    offMachine: true,
    models: [],
    continues: PROFILES[engine.kind].continues,
    hourlyUsd: undefined,
    capMicros: micros(config.dailyCapUsd),
    maxConcurrent: undefined,
    timeouts: DEFAULT_TIMEOUTS,
  }
}

function modelSetting(model: EngineConfig['models'][number]): ModelSetting {
  const { name, kind, tier, contextTokens, price, urls } = model
  return {
    name,
    ...(kind && { kind }),
    ...(tier && { tier }),
    ...(contextTokens && { contextTokens }),
    ...(urls && { baseUrls: urls.map((url) => baseUrl(url, '/v1')) }),
    ...(price && {
      price: {
        inputPerMillion: micros(price.input),
        outputPerMillion: micros(price.output),
        ...(price.cachedInput !== undefined && { cachedInputPerMillion: micros(price.cachedInput) }),
      },
    }),
  }
}

function hourly(engine: EngineConfig): number | undefined {
  if (engine.hourlyUsd !== undefined) return engine.hourlyUsd
  if (engine.watts === undefined || engine.kwhPriceUsd === undefined) return undefined
  return (engine.watts / 1_000) * engine.kwhPriceUsd
}

/** Dollars as integer micro-dollars, rounded up. */
export function micros(usd: number): number {
  return Math.ceil(Math.round(usd * 1e9) / 1_000)
}

/** Micro-dollars as `$4.88`, with as many digits as a small sum needs. */
export function dollars(amount: number): string {
  const usd = amount / 1_000_000
  return `$${usd !== 0 && Math.abs(usd) < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`
}

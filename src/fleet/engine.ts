import type { Clock } from '../lib/clock.ts'
import { originOf } from './address.ts'
import type { Allowance } from './allow.ts'
import type { BreakerConfig } from './config.ts'
import type { EngineSpec } from './engines.ts'
import { PROFILES } from './profiles.ts'
import { Replica } from './replica.ts'
import { DailySpend } from './spend.ts'

type Key = { readonly type: 'key'; readonly value: string | undefined } | { readonly type: 'missing' }

/** One engine at run time: what was said of it, its replicas, its allowance and what it has cost today. */
export class Engine {
  readonly spec: EngineSpec
  readonly replicas: readonly Replica[]
  /** Where its replicas are: taken from their addresses once, since every attempt asks whether they are allowed. */
  readonly origins: readonly string[]
  readonly spend: DailySpend
  allowance: Allowance | undefined
  /** What the last refresh had to say beyond the list. */
  notes: readonly string[] = []

  /** `before`: the same engine by another configuration. What is known of it and of its addresses stays known. */
  constructor(
    spec: EngineSpec,
    parts: { breaker: BreakerConfig; random: () => number; clock: Clock },
    before?: Engine,
  ) {
    this.spec = spec
    this.spend = before?.spend ?? new DailySpend(() => parts.clock.now())
    this.allowance = before?.allowance
    const urls = new Set([...spec.baseUrls, ...spec.models.flatMap((model) => model.baseUrls ?? [])])
    const maxConcurrent = spec.maxConcurrent ?? PROFILES[spec.kind].maxConcurrent
    this.replicas = [...urls].map((url) => {
      const id = urls.size === 1 ? spec.name : `${spec.name}@${replicaName(url, urls)}`
      const known = before?.replicas.find((replica) => replica.baseUrl === url && replica.id === id)
      if (known !== undefined) {
        known.maxConcurrent = maxConcurrent
        return known
      }
      return new Replica(id, url, { maxConcurrent, breaker: parts.breaker, random: parts.random })
    })
    this.origins = [...new Set(this.replicas.map((replica) => originOf(replica.baseUrl)))]
  }

  get name(): string {
    return this.spec.name
  }

  /** True where something may be sent to it: it is on this machine, or its owner allowed these very addresses. */
  get allowed(): boolean {
    if (!this.spec.offMachine) return true
    const origins = this.allowance?.origins
    return origins !== undefined && this.origins.every((origin) => origins.includes(origin))
  }

  /** Allowed once, for other addresses than it has now. */
  get moved(): boolean {
    return this.spec.offMachine && this.allowance !== undefined && !this.allowed
  }

  get capMicros(): number {
    return this.allowance?.capMicros ?? this.spec.capMicros
  }

  /**
   * Its key as it is now. One that cannot be read (a variable that is not set, a file that vanished) takes the engine
   * down with the reason, not the process; the next refresh looks again.
   */
  readKey(): Key {
    try {
      return { type: 'key', value: this.spec.key?.() }
    } catch (error) {
      const why = `its key cannot be read: ${error instanceof Error ? error.message : String(error)}`
      for (const replica of this.replicas) replica.reach = { state: 'down', why }
      return { type: 'missing' }
    }
  }
}

function replicaName(url: string, urls: ReadonlySet<string>): string {
  const { host, pathname } = new URL(url)
  const alone = [...urls].filter((other) => new URL(other).host === host).length === 1
  return alone ? host : host + pathname
}

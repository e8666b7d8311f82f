import type { Engine } from './engine.ts'
import type { EngineSpec } from './engines.ts'
import type { Kind } from './profiles.ts'
import type { ReplicaView } from './replica.ts'
import type { SpendView } from './spend.ts'
import type { ModelEntry } from './table.ts'

/** One engine as people see it: `engines list`, `doctor`, metrics. */
export interface EngineView {
  readonly name: string
  readonly kind: Kind
  readonly source: EngineSpec['source']
  readonly offMachine: boolean
  readonly allowed: boolean
  /** At least one model could be used now. */
  readonly available: boolean
  /** One sentence on its state, with the next step where there is one. */
  readonly state: string
  readonly notes: readonly string[]
  readonly replicas: readonly ReplicaView[]
  readonly models: readonly ModelEntry[]
  /** Absent for an engine that needs no allowance. */
  readonly spend: (SpendView & { readonly capMicros: number }) | undefined
  /** What it has cost today (UTC), worst cases that nobody stated included; absent where nothing of it has a price. */
  readonly spentMicros: number | undefined
  /** Dollars an hour for one replica. */
  readonly hourlyUsd: number | undefined
}

export interface FleetSnapshot {
  readonly engines: readonly EngineView[]
  readonly queue: { readonly waiting: number; readonly limit: number }
}

export function engineView(engine: Engine, entries: readonly ModelEntry[], now: number): EngineView {
  const { spec } = engine
  const models = entries.filter((entry) => entry.engine === engine)
  return {
    name: spec.name,
    kind: spec.kind,
    source: spec.source,
    offMachine: spec.offMachine,
    allowed: engine.allowed,
    available: models.some((entry) => entry.view.available),
    state: stateOf(engine, models, now),
    notes: engine.notes,
    replicas: engine.replicas.map((replica) => replica.view(now)),
    models,
    spend: spec.offMachine ? { ...engine.spend.view(), capMicros: engine.capMicros } : undefined,
    spentMicros: spentOf(engine, models),
    hourlyUsd: spec.hourlyUsd,
  }
}

function spentOf({ spec, spend }: Engine, models: readonly ModelEntry[]): number | undefined {
  const { spentMicros } = spend.view()
  const priced = spec.hourlyUsd !== undefined || models.some(({ view }) => view.price !== undefined)
  return priced || spentMicros > 0 ? spentMicros : undefined
}

function stateOf(engine: Engine, models: readonly ModelEntry[], now: number): string {
  if (engine.moved) {
    return `off: its address is not the one that was allowed; to allow it again: upshift engines allow ${engine.name}`
  }
  if (!engine.allowed) return `off: to allow it under a daily cap: upshift engines allow ${engine.name}`
  const working = engine.replicas.filter((replica) => replica.usable(now))
  if (working.length === 0) return `down: ${engine.replicas[0]?.obstacle(now) ?? 'no replica works'}`
  const count = models.filter((entry) => entry.view.available).length
  if (count === 0) {
    return models.length > 0
      ? `up, but none of its ${models.length} models has a known price: add it under fleet.engines.${engine.name}.models`
      : 'up, but without a chat model: pull or load one'
  }
  const share =
    working.length === engine.replicas.length
      ? ''
      : `, ${working.length} of ${engine.replicas.length} replicas`
  return `up: ${count} model${count === 1 ? '' : 's'}${share}`
}

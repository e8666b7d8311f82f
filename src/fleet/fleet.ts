import type { Dispatcher } from 'undici'
import type { Check } from '../contract/check.ts'
import type { PolicyChanged } from '../contract/entry.ts'
import type { ModelView } from '../contract/model.ts'
import type { Need } from '../contract/need.ts'
import { type Refusal, refuse } from '../contract/problem.ts'
import type { Clock } from '../lib/clock.ts'
import { timedOut } from '../lib/timed-out.ts'
import type { AllowancePort } from './allow.ts'
import { engineChecks } from './checks.ts'
import type { FleetConfig } from './config.ts'
import type { Discovery } from './discover.ts'
import { Engine } from './engine.ts'
import { dollars, type EngineSpec, foundSpecs } from './engines.ts'
import type { HeldLease, LeaseGrant, LeaseHost } from './lease.ts'
import { Line } from './line.ts'
import { type Placed, place } from './placement.ts'
import { Refresher } from './refresh.ts'
import { Replica } from './replica.ts'
import { buildTable, builtInEntry, type ModelEntry, type ModelTable } from './table.ts'
import { type EngineView, engineView, type FleetSnapshot } from './view.ts'

/*
 * DESIGN. The fleet owns the engines, their replicas and what may be spent on them. Everything that decides is
 * synchronous and in memory: `acquire` either returns a lease in the same turn of the loop, or a refusal, or
 * joins the line. The table of models is rebuilt when something changed and read otherwise, so that a request
 * costs a few map look-ups. What takes time (listing, discovery) runs beside it and only writes its result.
 * Nothing here throws at a request: what cannot be is a refusal with the next step.
 */
export interface FleetParts {
  readonly config: FleetConfig
  readonly engines: readonly EngineSpec[]
  readonly allowances: AllowancePort
  /** Hands a change of policy to the log; the change is reported as done only after it resolves. */
  readonly changed: (entry: PolicyChanged) => Promise<void>
  readonly dispatcherFor: (url: string) => Dispatcher
  readonly clock: Clock
  /** 0 ≤ x < 1. */
  readonly random: () => number
  /** Models inside this process: the extractive handbook. */
  readonly builtIn?: readonly ModelView[]
  /** Models of an engine inside this process that come and go with their files. */
  readonly local?: LocalModels
  /** A look around loopback ports, repeated with each refresh. Absent: what is known is all there is. */
  readonly lookout?: () => Promise<Discovery>
}

/** An engine inside this process that keeps its own line before each of its models. */
export interface LocalModels {
  /** As they were at the last refresh. */
  models(): readonly ModelView[]
  refresh(): Promise<void>
  /** Requests that it takes for one model, those that wait included. */
  readonly maxConcurrent: number
}

/** Requests that a built-in model takes at once. */
const BUILT_IN_CONCURRENT = 64
/** Engines that discovery may add: as many as there are ports to look at, with room. */
const ENGINES_MAX = 256
const TURN_SHARE = 0.1
const FIRST_TURN_MS = 2_000
const CAP_MAX_USD = 1_000_000

export class Fleet {
  #parts: FleetParts
  readonly #engines = new Map<string, Engine>()
  readonly #builtIn: readonly ModelEntry[]
  readonly #refresher: Refresher
  readonly #line: Line
  readonly #host: LeaseHost
  readonly #localReplicas = new Map<string, Replica>()
  readonly #wakes = new Map<Replica, NodeJS.Timeout>()
  readonly #asked = new Set<string>()
  /** Engines that a reload took out: one that comes back has spent what it had spent. */
  readonly #gone = new Map<string, Engine>()
  #table: ModelTable | undefined
  #busyMs = FIRST_TURN_MS
  #closed = false

  constructor(parts: FleetParts) {
    this.#parts = parts
    for (const spec of parts.engines) this.#add(spec)
    this.#recall()
    this.#builtIn = (parts.builtIn ?? []).map((view) => builtInEntry(view, this.#builtInReplica(view)))
    this.#line = new Line({ ...parts.config.queue, clock: parts.clock, turnMs: () => this.#turnMs() })
    this.#host = {
      elapsed: () => parts.clock.elapsed(),
      retryAfterMaxMs: parts.config.breaker.retryAfterMaxMs,
      released: (lease, busyMs) => this.#released(lease, busyMs),
      changed: (lease) => this.#replicaChanged(lease.place.replica),
    }
    this.#refresher = new Refresher({
      intervalMs: parts.config.refreshMs,
      random: parts.random,
      dispatcherFor: parts.dispatcherFor,
      engines: () => this.#engines.values(),
      look: () => this.#look(),
      changed: () => this.#invalidate(),
    })
  }

  /**
   * A replica for one attempt. At once unless every replica of the first working candidate is
   * busy; then it waits in line. Refuses with engine_not_allowed, spending_cap, unknown_model, no_model,
   * queue_full, queue_timeout, deadline_exceeded, client_closed or draining.
   */
  acquire(need: Need): LeaseGrant | Refusal | Promise<LeaseGrant | Refusal> {
    if (this.#closed) return refuse('draining', 'The server is stopping. Send the request again in a moment.')
    if (need.signal.aborted) return ended(need.signal)
    const placed = this.#place(need)
    return placed.type === 'busy' ? this.#line.wait(need, placed.model) : placed
  }

  /** All models as they stand; the same array until something changes. */
  models(): readonly ModelView[] {
    return this.#current().views
  }

  /** The entry behind a model: where its tier and price come from. */
  entry(id: string): ModelEntry | undefined {
    return this.#current().entries.get(id)
  }

  engines(): readonly EngineView[] {
    const entries = [...this.#current().entries.values()]
    const now = this.#parts.clock.elapsed()
    return [...this.#engines.values()].map((engine) => engineView(engine, entries, now))
  }

  /** For /metrics and /ready. */
  snapshot(): FleetSnapshot {
    return {
      engines: this.engines(),
      queue: { waiting: this.#line.length, limit: this.#parts.config.queue.limit },
    }
  }

  /** Facts for `doctor`, from what is known: nothing is asked. */
  checks(): readonly Check[] {
    return engineChecks(this.engines(), [...this.#current().entries.values()])
  }

  /** Looks around and asks the allowed engines for their models now; `near` leaves out those off the machine. */
  refresh(scope: 'all' | 'near' = 'all'): Promise<void> {
    return this.#refresher.all(scope)
  }

  /**
   * Takes over other engines. One that stays keeps its replicas' health, its allowance and what it has spent; of what
   * goes nothing is leased any more, and leases that are out run to their end.
   */
  reconfigure(config: FleetConfig, specs: readonly EngineSpec[]): void {
    this.#parts = { ...this.#parts, config, engines: specs }
    const before = new Map([...this.#gone, ...this.#engines])
    this.#engines.clear()
    this.#gone.clear()
    for (const spec of specs) this.#add(spec, before.get(spec.name))
    for (const [name, engine] of before) {
      if (this.#engines.has(name)) continue
      const { source } = engine.spec
      if (source === 'found') this.#engines.set(name, engine)
      else if (this.#gone.size < ENGINES_MAX) this.#gone.set(name, engine)
    }
    this.#recall()
    this.#invalidate()
    void this.#refresher.all()
  }

  /** Begins the background refresh. */
  start(): void {
    this.#refresher.start()
  }

  /** Adds to today's spending of an engine what the log holds from before the start. */
  restoreSpend(engine: string, spentMicros: number): void {
    this.#engines.get(engine)?.spend.restore(spentMicros)
  }

  /** Lets prompts go to an engine off this machine. The log comes first, so that nothing is on without its entry. */
  async allow(name: string, capUsd: number | undefined, by: string): Promise<EngineView | Refusal> {
    const engine = this.#engines.get(name)
    if (!engine) return this.#noEngine(name)
    if (!engine.spec.offMachine) {
      return refuse(
        'conflict',
        `The engine "${name}" is on this machine (or trusted): it needs no allowance.`,
      )
    }
    if (capUsd !== undefined && !(capUsd >= 0 && capUsd <= CAP_MAX_USD)) {
      return refuse('invalid_request', `A cap is between 0 and ${CAP_MAX_USD} dollars a day.`, {
        param: 'cap_usd',
      })
    }
    const capMicros = capUsd === undefined ? undefined : Math.round(capUsd * 1_000_000)
    const allowance = { engine: name, origins: engine.origins, capMicros }
    const cap = dollars(capMicros ?? engine.spec.capMicros)
    const to = `allowed at ${allowance.origins.join(' ')} under ${cap} a day`
    await this.#parts.changed({ type: 'policy-changed', what: `engine ${name}`, to, by })
    this.#parts.allowances.save(allowance)
    engine.allowance = allowance
    this.#invalidate()
    await this.#refresher.one(engine)
    return this.#view(engine)
  }

  /** Takes the allowance back: effective at once for what has not started, then stored, then logged. */
  async deny(name: string, by: string): Promise<EngineView | Refusal> {
    const engine = this.#engines.get(name)
    if (!engine) return this.#noEngine(name)
    if (!engine.spec.offMachine) {
      return refuse(
        'conflict',
        `The engine "${name}" is on this machine (or trusted) and was never in need of an allowance. To stop ` +
          'using it, remove it from fleet.engines or stop it.',
      )
    }
    engine.allowance = undefined
    for (const replica of engine.replicas) {
      replica.reach = { state: 'unknown' }
      replica.listed = undefined
    }
    this.#invalidate()
    this.#parts.allowances.remove(name)
    await this.#parts.changed({ type: 'policy-changed', what: `engine ${name}`, to: 'denied', by })
    return this.#view(engine)
  }

  /** Stops timers and probes, and sends away who waits. Leases that are out stay valid. */
  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#wakes.values()) clearTimeout(timer)
    this.#wakes.clear()
    this.#line.close()
    await this.#refresher.close()
  }

  /** What owners have allowed, as it is stored. Of these none is offered, not even at first, whose key cannot be read. */
  #recall(): void {
    for (const allowance of this.#parts.allowances.load()) {
      const engine = this.#engines.get(allowance.engine)
      if (engine) engine.allowance = allowance
    }
    for (const engine of this.#engines.values()) if (engine.allowed) engine.readKey()
  }

  #place(need: Need): Placed {
    return place(need, this.#current(), this.#host, this.#parts.random)
  }

  #current(): ModelTable {
    if (this.#table === undefined) {
      const now = this.#parts.clock.elapsed()
      this.#table = buildTable(this.#engines.values(), [...this.#builtIn, ...this.#locals(now)], now)
    }
    return this.#table
  }

  #locals(now: number): readonly ModelEntry[] {
    const { local } = this.#parts
    return (local?.models() ?? []).map((view) => {
      const replica = this.#localReplicas.get(view.id) ?? this.#builtInReplica(view, local?.maxConcurrent)
      this.#localReplicas.set(view.id, replica)
      return builtInEntry({ ...view, available: replica.usable(now) }, replica)
    })
  }

  #invalidate(): void {
    this.#table = undefined
    this.#line.pump((need) => this.#place(need), false)
  }

  #released(lease: HeldLease, busyMs: number): void {
    this.#busyMs += TURN_SHARE * (busyMs - this.#busyMs)
    this.#line.pump((need) => this.#place(need), true)
    const { engine, contextAssumed } = lease.entry
    // The answer has loaded the model: its server now knows the context that it really reads.
    if (!engine || !contextAssumed || this.#asked.has(lease.model.id)) return
    this.#asked.add(lease.model.id)
    void this.#refresher.one(engine)
  }

  /** A replica went, or came back; where only time keeps it out, a timer wakes the table then. */
  #replicaChanged(replica: Replica): void {
    this.#invalidate()
    clearTimeout(this.#wakes.get(replica))
    this.#wakes.delete(replica)
    const backInMs = replica.backInMs(this.#parts.clock.elapsed())
    if (backInMs === 0 || this.#closed) return
    const timer = setTimeout(() => this.#replicaChanged(replica), backInMs)
    timer.unref()
    this.#wakes.set(replica, timer)
  }

  /** How long until the next place comes free: the mean time of a request over the places there are. */
  #turnMs(): number {
    let places = 0
    for (const engine of this.#engines.values()) {
      if (engine.allowed) for (const replica of engine.replicas) places += replica.maxConcurrent
    }
    return this.#busyMs / Math.max(1, places)
  }

  async #look(): Promise<void> {
    const [found] = await Promise.all([this.#parts.lookout?.(), this.#parts.local?.refresh()])
    this.#table = undefined
    if (!found || this.#closed) return
    const known = [...this.#engines.values()].map((engine) => engine.spec)
    for (const spec of foundSpecs(this.#parts.config, found.found, known).slice(known.length)) {
      if (this.#engines.size < ENGINES_MAX && !this.#engines.has(spec.name)) this.#add(spec)
    }
  }

  #add(spec: EngineSpec, before?: Engine): void {
    const { config, random, clock } = this.#parts
    this.#engines.set(spec.name, new Engine(spec, { breaker: config.breaker, random, clock }, before))
    this.#table = undefined
  }

  #builtInReplica(view: ModelView, maxConcurrent = BUILT_IN_CONCURRENT): Replica {
    const { config, random } = this.#parts
    const settings = { maxConcurrent, breaker: config.breaker, random }
    return new Replica(view.kind === 'extractive' ? view.engine : view.id, 'built-in:', settings)
  }

  #view(engine: Engine): EngineView {
    return engineView(engine, [...this.#current().entries.values()], this.#parts.clock.elapsed())
  }

  #noEngine(name: string): Refusal {
    const names = [...this.#engines.keys()].join(', ') || 'none'
    return refuse('not_found', `There is no engine "${name}". The engines are: ${names}.`)
  }
}

function ended(signal: AbortSignal): Refusal {
  return timedOut(signal)
    ? refuse('deadline_exceeded', 'The time for this request was over before a replica was chosen.')
    : refuse('client_closed', 'The caller left before a replica was chosen.')
}

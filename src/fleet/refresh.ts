import type { Engine } from './engine.ts'
import { type Listing, MODELS_PER_ENGINE } from './listing/ask.ts'
import { listModels } from './listing/list.ts'
import type { DispatcherFor } from './listing/probe.ts'
import type { Replica } from './replica.ts'

const PROBE_NEAR_MS = 2_000
const PROBE_FAR_MS = 8_000
/** The pause between two rounds varies by this share, so that many gateways do not ask in step. */
const JITTER_SHARE = 0.2

export interface RefreshSettings {
  readonly intervalMs: number
  readonly random: () => number
  readonly dispatcherFor: DispatcherFor
  readonly engines: () => Iterable<Engine>
  /** Before each round: engines that came up since. Never throws. */
  readonly look: () => Promise<void>
  /** A replica came, went, or lists other models than before. */
  readonly changed: () => void
}

/**
 * Keeps the list of models and the reach of each replica current. One refresh an engine at a time; an engine that
 * is not allowed is never asked. Timers do not keep the process alive.
 */
export class Refresher {
  readonly #settings: RefreshSettings
  readonly #running = new Map<Engine, Promise<void>>()
  readonly #stop = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(settings: RefreshSettings) {
    this.#settings = settings
  }

  /** Starts the rounds; the first one after the interval. */
  start(): void {
    if (this.#stop.signal.aborted || this.#timer) return
    this.#schedule()
  }

  /** All allowed engines, at once. Resolves when each has answered or timed out. */
  async all(scope: 'all' | 'near' = 'all'): Promise<void> {
    await this.#settings.look()
    const engines = [...this.#settings.engines()].filter(
      (engine) => scope === 'all' || !engine.spec.offMachine,
    )
    await Promise.all(engines.map((engine) => this.one(engine)))
  }

  /** One engine; a refresh that is under way is joined, not doubled. */
  one(engine: Engine): Promise<void> {
    if (!engine.allowed || this.#stop.signal.aborted) return Promise.resolve()
    const under = this.#running.get(engine)
    if (under) return under
    const run = this.#ask(engine).finally(() => this.#running.delete(engine))
    this.#running.set(engine, run)
    return run
  }

  /** Stops the timers and what is under way. */
  async close(): Promise<void> {
    this.#stop.abort()
    clearTimeout(this.#timer)
    await Promise.all(this.#running.values())
  }

  #schedule(): void {
    const { intervalMs, random } = this.#settings
    const waitMs = intervalMs * (1 - JITTER_SHARE + 2 * JITTER_SHARE * random())
    this.#timer = setTimeout(() => {
      void this.all().finally(() => {
        if (!this.#stop.signal.aborted) this.#schedule()
      })
    }, waitMs)
    this.#timer.unref()
  }

  async #ask(engine: Engine): Promise<void> {
    const notes = new Set<string>()
    await Promise.all(
      engine.replicas.map(async (replica) => {
        for (const note of await this.#askReplica(engine, replica)) notes.add(note)
      }),
    )
    engine.notes = [...notes]
    this.#settings.changed()
  }

  async #askReplica(engine: Engine, replica: Replica): Promise<readonly string[]> {
    const { spec } = engine
    const key = engine.readKey()
    if (key.type === 'missing') return []
    const listing = await listModels({
      kind: spec.kind,
      baseUrl: replica.baseUrl,
      key: key.value,
      dispatcherFor: this.#settings.dispatcherFor,
      timeoutMs: spec.offMachine ? PROBE_FAR_MS : PROBE_NEAR_MS,
      signal: this.#stop.signal,
      memory: replica.memory,
    })
    if (!this.#stop.signal.aborted) apply(replica, listing, spec.maxConcurrent === undefined)
    return listing.type === 'listed' ? notesOf(listing) : []
  }
}

function apply(replica: Replica, listing: Listing, takeSlots: boolean): void {
  if (listing.type === 'down') {
    replica.reach = { state: 'down', why: listing.why }
    return
  }
  replica.reach = { state: 'up' }
  if (listing.type === 'unlisted') {
    replica.listed = undefined
    return
  }
  replica.listed = new Map(listing.models.map((model) => [model.name, model]))
  if (takeSlots && listing.maxConcurrent) replica.maxConcurrent = listing.maxConcurrent
}

function notesOf(listing: Extract<Listing, { type: 'listed' }>): readonly string[] {
  if (listing.models.length < MODELS_PER_ENGINE) return listing.notes
  return [...listing.notes, `it lists ${MODELS_PER_ENGINE} models or more: the rest is left out`]
}

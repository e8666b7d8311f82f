import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Call } from '../../contract/call.ts'
import type { EmbedCall, EmbedEnd } from '../../contract/embed.ts'
import type { AnswerError, Batch } from '../../contract/event.ts'
import { isRefusal, type Problem, type Refusal, refuse } from '../../contract/problem.ts'
import type { Clock } from '../../lib/clock.ts'
import { isMissing } from '../../lib/missing.ts'
import { Answering } from './answering.ts'
import type { LlamaConfig } from './config.ts'
import { embedOn } from './embed-call.ts'
import { Host } from './host.ts'
import { jobOf } from './job.ts'
import { availableBytes, defaultThreads, type Fit, fit, leastBytes } from './memory.ts'
import type { LocalModel } from './models.ts'
import type { Gauges } from './protocol.ts'

export interface LlamaOptions {
  /** What is on the disk now. */
  readonly models: () => readonly LocalModel[]
  /** Folder for states of system prompts. */
  readonly warmFolder: string
  readonly config: LlamaConfig
  readonly clock: Clock
  /** 0 ≤ x < 1. */
  readonly random: () => number
  readonly warn: (message: string) => void
  /** A process of a model that has not answered for so long is ended; half a minute where absent. */
  readonly silentMs?: number
}

export interface ModelState {
  readonly name: string
  readonly state: Host['state']
  readonly pid: number | undefined
  readonly bytes: number
  readonly contextTokens: number
  readonly restarts: number
  readonly gauges: Gauges | undefined
}

const IDLE_LOOKS_MS = 15_000
const SEEDS = 2 ** 32 - 1
const MIB = 1_048_576
/** When to ask again where other models are at work in the memory that is needed. */
const BUSY_RETRY_MS = 5_000

interface Held {
  readonly host: Host
  readonly fit: Fit
  readonly model: LocalModel
}

/**
 * llama.cpp under our roof: each model in a process of its own, loaded when it is first asked and unloaded when it is
 * idle or another one needs its memory.
 */
export class LlamaEngine implements AsyncDisposable {
  readonly #options: LlamaOptions
  readonly #held = new Map<string, Held>()
  readonly #idling: NodeJS.Timeout
  /** Generations that were ever begun: their ids. */
  #jobs = 0
  #closed = false

  constructor(options: LlamaOptions) {
    this.#options = options
    const looksMs = Math.min(IDLE_LOOKS_MS, options.config.idleMs)
    this.#idling = setInterval(() => this.#unloadIdle(), looksMs).unref()
  }

  /** One generation: batches of chunks or one whole answer, then exactly one terminal event. */
  async *generate(name: string, call: Call): AsyncGenerator<Batch> {
    const begun = await this.#begin(name, call)
    if (isRefusal(begun)) {
      yield [failed(begun.problem)]
      return
    }
    using answering = begun
    yield* answering.batches()
  }

  /** Vectors of one bounded part of a request. What comes back is checked by the path. */
  async embed(name: string, call: EmbedCall): Promise<EmbedEnd> {
    const host = await this.#host(name)
    if (isRefusal(host)) {
      const usage = { promptTokens: 0, completionTokens: 0 }
      return { type: 'failed', problem: host.problem, usage }
    }
    return embedOn(host, `${call.id}:${this.#jobs++}`, call, this.#options.clock)
  }

  /** What is loaded, for metrics and `doctor`. */
  states(): readonly ModelState[] {
    return [...this.#held].map(([name, { host, fit: taken }]) => ({
      name,
      state: host.state,
      pid: host.pid,
      bytes: taken.bytes,
      contextTokens: taken.contextTokens,
      restarts: host.restarts,
      gauges: host.gauges,
    }))
  }

  /** Every text that is not being worked on leaves the caches, in memory and on the disk; the others when they end. */
  async forget(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ host }) => host.forget()))
    const loaded = new Set(
      [...this.#held].flatMap(([name, { host }]) => (host.state === 'ready' ? [name] : [])),
    )
    await forgetStates(this.#options.warmFolder, loaded)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearInterval(this.#idling)
    await Promise.all([...this.#held.values()].map(({ host }) => host.stop()))
    this.#held.clear()
  }

  async #begin(name: string, call: Call): Promise<Answering | Refusal> {
    const { random, clock } = this.#options
    const seed = call.request.seed ?? Math.floor(random() * SEEDS)
    const choices = call.request.n ?? 1
    const jobs = []
    for (let choice = 0; choice < choices; choice++) {
      const job = jobOf(call, `${call.id}:${this.#jobs++}`, seed + choice)
      if (isRefusal(job)) return job
      jobs.push(job)
    }
    const host = await this.#host(name)
    return isRefusal(host) ? host : new Answering({ host, name, call, jobs, clock })
  }

  /** The process with this model; a new one where there is none, in memory that is free or can be made so. */
  async #host(name: string): Promise<Host | Refusal> {
    const known = this.#held.get(name)
    const model = this.#options.models().find((one) => one.name === name)
    if (model === undefined) {
      return refuse('no_model', `There is no model "${name}" on this machine. See: upshift models list`)
    }
    if (known !== undefined) {
      // Where the file was replaced, those who are being answered are answered by what they asked.
      if (isSame(known.model, model) || known.host.jobs > 0) return known.host
      await this.#unload(name)
    }
    let taken = this.#fit(model)
    for (const victim of taken === undefined ? this.#idle() : []) {
      await this.#unload(victim)
      taken = this.#fit(model)
      if (taken !== undefined) break
    }
    // While another model went, somebody else may have loaded this one.
    const meanwhile = this.#held.get(name)
    if (meanwhile !== undefined) return meanwhile.host
    if (this.#closed) return refuse('draining', 'The server is stopping. Send the request again in a moment.')
    if (taken === undefined) return this.#tooLarge(model)
    const host = this.#start(model, taken)
    this.#held.set(name, { host, fit: taken, model })
    return host
  }

  #fit({ shape, embeds }: LocalModel): Fit | undefined {
    const { contextTokens, parallel: most, spareSlots: spare } = this.#options.config
    // Texts are made vectors one after another, and nothing of them is kept.
    const [parallel, spareSlots] = embeds ? [1, 0] : [most, spare]
    return fit(shape, { contextTokens, parallel, spare: spareSlots, availableBytes: this.#availableBytes() })
  }

  /** A model's weights are mapped from its file and count as available: what is held is taken off by its own figure. */
  #availableBytes(): number {
    const { memoryBytes } = this.#options.config
    const machine = availableBytes()
    const held = this.#heldBytes()
    return memoryBytes === undefined ? machine - held : Math.min(machine, memoryBytes - held)
  }

  #heldBytes(): number {
    let held = 0
    for (const { fit: taken } of this.#held.values()) held += taken.bytes
    return held
  }

  #start({ path, name, embeds }: LocalModel, { contextTokens, slots }: Fit): Host {
    const { config, clock, warn, warmFolder, silentMs } = this.#options
    const parallel = Math.min(config.parallel, slots)
    const load = {
      path,
      embeds,
      contextTokens,
      slots,
      parallel,
      threads: config.threads ?? defaultThreads(),
      gpu: config.gpu,
      queueLimit: config.queueLimit,
      ...(config.warmBytes === 0
        ? {}
        : { warm: { folder: join(warmFolder, name), bytes: config.warmBytes } }),
    }
    const silence = silentMs === undefined ? {} : { silentMs }
    return new Host({ load, clock, warn: (message) => warn(`${name}: ${message}`), ...silence })
  }

  /** Models that work on nothing, the one that has been idle for the longest first. */
  #idle(): readonly string[] {
    return [...this.#held]
      .filter(([, { host }]) => host.jobs === 0)
      .sort(([, left], [, right]) => left.host.usedAt - right.host.usedAt)
      .map(([name]) => name)
  }

  #unloadIdle(): void {
    const { clock, config } = this.#options
    for (const name of this.#idle()) {
      const held = this.#held.get(name)
      if (held !== undefined && clock.elapsed() - held.host.usedAt > config.idleMs) void this.#unload(name)
    }
  }

  async #unload(name: string): Promise<void> {
    const held = this.#held.get(name)
    this.#held.delete(name)
    await held?.host.stop()
  }

  #tooLarge({ name, shape }: LocalModel): Refusal {
    const needed = leastBytes(shape)
    const free = Math.max(0, this.#availableBytes())
    const busy = [...this.#held.keys()]
    const text =
      `The model "${name}" needs at least ${mebibytes(needed)} (weights ${mebibytes(shape.fileBytes)}), and ` +
      `${mebibytes(free)} are free for it${busy.length === 0 ? '' : ` beside ${busy.join(', ')}`}. ` +
      'Choose a smaller model or quantisation (upshift setup), free memory, or raise llama.memoryBytes.'
    const fitsAlone = needed <= free + this.#heldBytes()
    return refuse('no_model', text, fitsAlone ? { retryAfterMs: BUSY_RETRY_MS } : {})
  }
}

/** States on the disk of models that no process holds; one that holds them has dropped its own. */
async function forgetStates(folder: string, loaded: ReadonlySet<string>): Promise<void> {
  try {
    const names = await readdir(folder)
    const idle = names.filter((name) => !loaded.has(name))
    await Promise.all(idle.map((name) => rm(join(folder, name), { recursive: true, force: true })))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

function isSame(one: LocalModel, other: LocalModel): boolean {
  return one.path === other.path && one.version === other.version
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`
}

/** Nothing was read or written for it. */
function failed(problem: Problem): AnswerError {
  return { type: 'answer-error', problem, usage: { promptTokens: 0, completionTokens: 0 } }
}

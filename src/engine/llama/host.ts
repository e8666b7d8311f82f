import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../lib/clock.ts'
import type { EmbedJob, FromChild, Gauges, Job, LoadOptions, ModelFacts, ToChild } from './protocol.ts'

const MODULE = fileURLToPath(new URL('./child.ts', import.meta.url))
/** Doubles with each crash in a row. */
const RESTART_MS = 200
const RESTART_MS_MAX = 30_000
/** After so long without a crash the next one counts as the first. */
const SOUND_MS = 60_000
/** Crashes in a row, none of them after an answer, that end the attempts until somebody asks again. */
const CRASHES_MAX = 5
/** A request that was waiting when the process died is given to the next one, so often: it may be what kills it. */
const RESENT_MAX = 1
/** A process that has not answered for so long hangs, in native code or in a chat template, and is ended. */
const SILENT_MS = 30_000
/** Questions in that time. They are counted, not timed: who was suspended itself must not take others for silent. */
const PINGS_MAX = 12
const STDERR_CHARACTERS = 2_000

/** What a request hears of the process. */
export type Heard =
  | Extract<FromChild, { type: 'begun' | 'said' | 'ended' | 'embedded' | 'refused' }>
  /** The process died while it worked on this request. */
  | { readonly type: 'lost'; readonly why: string }
  /** llama.cpp does not take the model: to ask again would not help. */
  | { readonly type: 'unloadable'; readonly why: string }
  /** The process was ended because the model's chat template did not come back with this request. */
  | { readonly type: 'unreadable'; readonly why: string }

export interface HostOptions {
  readonly load: LoadOptions
  readonly clock: Clock
  readonly warn: (message: string) => void
  /** Half a minute where absent. */
  readonly silentMs?: number
}

interface Sent {
  readonly job: Job | EmbedJob
  readonly hear: (heard: Heard) => void
  begun: boolean
  resent: number
}

/**
 * One child process with one model: started on the first request, started again with back-off where it dies, ended
 * where nothing has been asked for long. Requests that it was answering when it died are lost and told so; those that
 * were waiting go to the next one.
 */
export class Host {
  readonly #options: HostOptions
  readonly #silentMs: number
  readonly #sent = new Map<string, Sent>()
  #child: ChildProcess | undefined
  #loaded = false
  #crashes = 0
  #startedAt = 0
  /** Questions since it was last heard of. */
  #pings = 0
  #timer: NodeJS.Timeout | undefined
  #pinging: NodeJS.Timeout | undefined
  /** Why the process is about to end, where that was decided here or told by it. */
  #ending: 'unloadable' | 'silent' | 'stopped' | undefined
  #said = ''
  /** The request whose template was being rendered when the process was last heard of. */
  #reading: string | undefined
  #stopped: PromiseWithResolvers<void> | undefined
  #forgetting: (() => void)[] = []
  facts: ModelFacts | undefined
  gauges: Gauges | undefined
  restarts = 0
  usedAt: number

  constructor(options: HostOptions) {
    this.#options = options
    this.#silentMs = options.silentMs ?? SILENT_MS
    this.usedAt = options.clock.elapsed()
  }

  get state(): 'stopped' | 'loading' | 'ready' | 'resting' {
    if (this.#timer !== undefined) return 'resting'
    if (this.#child === undefined) return 'stopped'
    return this.#loaded ? 'ready' : 'loading'
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Requests that it works on or that wait for it. */
  get jobs(): number {
    return this.#sent.size
  }

  /** Hands a request over; `hear` is called until `ended`, `embedded`, `refused` or what ended the process. */
  submit(job: Job | EmbedJob, hear: (heard: Heard) => void): void {
    this.usedAt = this.#options.clock.elapsed()
    this.#sent.set(job.id, { job, hear, begun: false, resent: 0 })
    if (this.#loaded) this.#tell({ type: 'run', job })
    else if (this.state === 'stopped') this.#start()
  }

  /** The caller has left: what it asked for ends, and is heard of no more. */
  cancel(id: string): void {
    if (this.#sent.delete(id) && this.#loaded) this.#tell({ type: 'cancel', id })
  }

  /** Every text leaves the caches, at once or when it is no longer worked on. Resolves when the idle ones have. */
  forget(): Promise<void> {
    if (!this.#loaded) return Promise.resolve()
    return new Promise((resolve) => {
      this.#forgetting.push(resolve)
      this.#tell({ type: 'forget' })
    })
  }

  /** Ends the process, which has nothing to finish: what it worked on is lost. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const child = this.#child
    if (child === undefined) {
      this.#lose(this.#sent.values(), 'lost', 'the model was unloaded')
      return
    }
    this.#ending = 'stopped'
    this.#stopped ??= Promise.withResolvers()
    child.kill('SIGKILL')
    await this.#stopped.promise
  }

  #start(): void {
    const { clock, load } = this.#options
    const child = fork(MODULE, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      env: {},
    })
    this.#child = child
    this.#startedAt = clock.elapsed()
    this.#pings = 0
    this.#ending = undefined
    this.#reading = undefined
    this.#said = ''
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#said = (this.#said + bytes.toString('utf8')).slice(-STDERR_CHARACTERS)
    })
    child.on('message', (told) => {
      // What our own module sends, by its own types.
      for (const message of told as readonly FromChild[]) this.#hear(message)
    })
    child.on('error', (error) => {
      this.#said += error.message
      // It was never started. Otherwise a channel closed while a message was on its way, and the end follows.
      if (child.pid === undefined) this.#ended(child, null, null)
    })
    // `close` and not `exit`: what the process said last is heard first.
    child.once('close', (code, signal) => this.#ended(child, code, signal))
    this.#pinging = setInterval(() => this.#ping(), this.#silentMs / PINGS_MAX)
    this.#tell({ type: 'load', options: load })
  }

  #ping(): void {
    this.#pings += 1
    if (this.#pings <= PINGS_MAX) this.#tell({ type: 'ping' })
    else {
      this.#ending ??= 'silent'
      this.#child?.kill('SIGKILL')
    }
  }

  #tell(message: ToChild): void {
    if (this.#child?.connected === true) this.#child.send(message, ignored)
  }

  #hear(message: FromChild): void {
    this.#pings = 0
    this.#reading = message.type === 'reading' ? message.id : undefined
    switch (message.type) {
      case 'loaded':
        this.#loaded = true
        this.facts = message.facts
        for (const { job } of this.#sent.values()) this.#tell({ type: 'run', job })
        return
      case 'unloadable':
        this.#ending ??= 'unloadable'
        this.#said = message.why
        this.#child?.kill('SIGKILL')
        return
      case 'gauges':
        this.gauges = message.gauges
        return
      case 'warned':
        this.#options.warn(message.message)
        return
      case 'forgotten':
        this.#forgetting.shift()?.()
        return
      case 'reading':
      case 'pong':
        return
      default:
        this.#hearOf(message)
    }
  }

  #hearOf(message: Exclude<Heard, { why: string }>): void {
    const sent = this.#sent.get(message.id)
    if (sent === undefined) return
    this.usedAt = this.#options.clock.elapsed()
    if (message.type === 'begun') sent.begun = true
    if (message.type !== 'begun' && message.type !== 'said') {
      this.#sent.delete(message.id)
      this.#crashes = 0
    }
    sent.hear(message)
  }

  #ended(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#child !== child) return
    const ending = this.#ending
    const wasLoaded = this.#loaded
    clearInterval(this.#pinging)
    this.#child = undefined
    this.#loaded = false
    for (const resolve of this.#forgetting.splice(0)) resolve()
    if (ending === 'stopped') {
      this.#lose(this.#sent.values(), 'lost', 'the model was unloaded')
      this.#stopped?.resolve()
      this.#stopped = undefined
    } else if (ending === 'unloadable') {
      this.#options.warn(`llama.cpp does not take the model: ${this.#said}`)
      this.#lose(this.#sent.values(), 'unloadable', this.#said)
    } else this.#crashed(howEnded(code, signal, ending === 'silent' ? this.#silentMs : undefined), wasLoaded)
  }

  #crashed(how: string, wasLoaded: boolean): void {
    const { clock, warn } = this.#options
    if (clock.elapsed() - this.#startedAt > SOUND_MS) this.#crashes = 0
    this.#crashes += 1
    const why = `the process of the model ${how}`
    warn(`llama.cpp: ${why}${this.#said === '' ? '' : `: ${this.#said.trim()}`}`)
    const reading = this.#sent.get(this.#reading ?? '')
    if (this.#ending === 'silent' && reading !== undefined) this.#lose([reading], 'unreadable', why)
    for (const sent of this.#sent.values()) sent.resent += 1
    const begun = [...this.#sent.values()].filter((sent) => sent.begun || sent.resent > RESENT_MAX)
    this.#lose(begun, 'lost', why)
    if (this.#crashes >= CRASHES_MAX) {
      this.#lose(this.#sent.values(), 'lost', `${why}, ${this.#crashes} times in a row`)
      return
    }
    // Nobody waits for a model that never came up.
    if (!wasLoaded && this.#sent.size === 0) return
    this.restarts += 1
    const waitMs = Math.min(RESTART_MS * 2 ** (this.#crashes - 1), RESTART_MS_MAX)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, waitMs)
  }

  #lose(some: Iterable<Sent>, type: 'lost' | 'unloadable' | 'unreadable', why: string): void {
    const lost = [...some]
    for (const { job } of lost) this.#sent.delete(job.id)
    for (const { hear } of lost) hear({ type, why })
  }
}

/** `silentMs`: how long it had not answered, where it was ended for that. */
function howEnded(code: number | null, signal: NodeJS.Signals | null, silentMs: number | undefined): string {
  if (silentMs !== undefined) {
    return `was ended because it had not answered for ${Math.round(silentMs / 1_000)} s`
  }
  if (code === null && signal === null) return 'could not be started'
  return `ended with ${signal ?? `code ${code}`}`
}

/** A message that cannot be sent any more belongs to a process whose end is told by its `close`. */
function ignored(): void {}

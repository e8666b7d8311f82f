import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Clock } from '../../lib/clock.ts'
import type { FromChild, Gauges, Job, LoadOptions, ModelFacts, ToChild } from './protocol.ts'

const MODULE = fileURLToPath(new URL('child.ts', import.meta.url))
/** Doubles with each crash in a row. */
const RESTART_MS = 200
const RESTART_MS_MAX = 30_000
/** After so long without a crash the next one counts as the first. */
const SOUND_MS = 60_000
/** Crashes in a row, none of them after an answer, that end the attempts until somebody asks again. */
const CRASHES_MAX = 5
/** A request that was waiting when the process died is given to the next one, so often: it may be what kills it. */
const RESENT_MAX = 1
const PING_MS = 5_000
/** A process that has not answered for so long hangs, in native code or in a chat template, and is ended. */
const SILENT_MS = 60_000
const STOP_MS = 3_000
const STDERR_CHARACTERS = 2_000

/** What a request hears of the process. */
export type Heard =
  | Extract<FromChild, { type: 'begun' | 'said' | 'ended' | 'refused' }>
  /** The process died while it worked on this request. */
  | { readonly type: 'lost'; readonly why: string }

export interface HostOptions {
  readonly load: LoadOptions
  readonly clock: Clock
  readonly warn: (message: string) => void
}

interface Sent {
  readonly job: Job
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
  readonly #sent = new Map<string, Sent>()
  #child: ChildProcess | undefined
  #loaded = false
  #crashes = 0
  #startedAt = 0
  #heardAt = 0
  #timer: NodeJS.Timeout | undefined
  #pinging: NodeJS.Timeout | undefined
  #stderr = ''
  #stopping: (() => void) | undefined
  #forgetting: (() => void)[] = []
  facts: ModelFacts | undefined
  gauges: Gauges | undefined
  restarts = 0
  usedAt: number

  constructor(options: HostOptions) {
    this.#options = options
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

  /** Hands a request over; `hear` is called until `ended`, `refused` or `lost`. */
  submit(job: Job, hear: (heard: Heard) => void): void {
    this.usedAt = this.#options.clock.elapsed()
    this.#sent.set(job.id, { job, hear, begun: false, resent: 0 })
    if (this.#loaded) this.#tell({ type: 'run', job })
    else if (this.state === 'stopped') this.#start()
  }

  /** The caller has left: what it asked for ends, and is heard of no more. */
  cancel(id: string): void {
    if (this.#sent.delete(id) && this.#loaded) this.#tell({ type: 'cancel', id })
  }

  /** Every text that is not being worked on leaves the caches. Resolves when it has. */
  forget(): Promise<void> {
    if (!this.#loaded) return Promise.resolve()
    return new Promise((resolve) => {
      this.#forgetting.push(resolve)
      this.#tell({ type: 'forget' })
    })
  }

  /** Ends the process; what it worked on is lost. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const child = this.#child
    if (child === undefined) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
      this.#stopping = () => {
        clearTimeout(timer)
        resolve()
      }
      if (child.connected) child.disconnect()
    })
  }

  #start(): void {
    const { clock } = this.#options
    const child = fork(MODULE, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {},
    })
    this.#child = child
    this.#startedAt = clock.elapsed()
    this.#heardAt = this.#startedAt
    this.#stderr = ''
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString('utf8')).slice(-STDERR_CHARACTERS)
    })
    child.on('message', (told) => {
      // What our own module sends, by its own types.
      for (const message of told as readonly FromChild[]) this.#hear(message)
    })
    // A channel that closes while a message is on its way: the exit that follows says what happened.
    child.on('error', (error) => {
      this.#stderr += error.message
    })
    child.once('exit', (code, signal) => this.#ended(code, signal))
    this.#pinging = setInterval(() => this.#ping(), PING_MS)
    this.#tell({ type: 'load', options: this.#options.load })
  }

  #ping(): void {
    if (this.#options.clock.elapsed() - this.#heardAt > SILENT_MS) this.#child?.kill('SIGKILL')
    else this.#tell({ type: 'ping' })
  }

  #tell(message: ToChild): void {
    if (this.#child?.connected === true) this.#child.send(message, ignored)
  }

  #hear(message: FromChild): void {
    this.#heardAt = this.#options.clock.elapsed()
    switch (message.type) {
      case 'loaded':
        this.#loaded = true
        this.facts = message.facts
        for (const { job } of this.#sent.values()) this.#tell({ type: 'run', job })
        return
      case 'unloadable':
        this.#crashes = 0
        this.#loseAll(`llama.cpp could not load the model: ${message.why}`)
        this.#child?.disconnect()
        return
      case 'gauges':
        this.gauges = message.gauges
        return
      case 'forgotten':
        this.#forgetting.shift()?.()
        return
      case 'pong':
        return
      default:
        this.#hearOf(message)
    }
  }

  #hearOf(message: Extract<FromChild, { id: string }>): void {
    const sent = this.#sent.get(message.id)
    if (sent === undefined) return
    this.usedAt = this.#heardAt
    if (message.type === 'begun') sent.begun = true
    if (message.type === 'ended' || message.type === 'refused') {
      this.#sent.delete(message.id)
      this.#crashes = 0
    }
    sent.hear(message)
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    const { clock, warn } = this.#options
    clearInterval(this.#pinging)
    this.#child = undefined
    this.#loaded = false
    for (const resolve of this.#forgetting.splice(0)) resolve()
    const why = `the process of the model ended with ${signal ?? `code ${code}`}`
    if (this.#stopping !== undefined) {
      this.#loseAll(why)
      this.#stopping()
      this.#stopping = undefined
      return
    }
    if (clock.elapsed() - this.#startedAt > SOUND_MS) this.#crashes = 0
    if (code === 0 && this.#sent.size === 0) return
    this.#crashes += 1
    this.restarts += 1
    warn(`llama.cpp: ${why}${this.#stderr === '' ? '' : `: ${this.#stderr.trim()}`}`)
    this.#loseBegun(why)
    if (this.#crashes >= CRASHES_MAX) {
      this.#loseAll(`${why}, ${this.#crashes} times in a row`)
      return
    }
    const waitMs = Math.min(RESTART_MS * 2 ** (this.#crashes - 1), RESTART_MS_MAX)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, waitMs)
  }

  /** What was being answered is lost, and what has waited through too many deaths. */
  #loseBegun(why: string): void {
    for (const [id, sent] of this.#sent) {
      sent.resent += 1
      if (!sent.begun && sent.resent <= RESENT_MAX) continue
      this.#sent.delete(id)
      sent.hear({ type: 'lost', why })
    }
  }

  #loseAll(why: string): void {
    const all = [...this.#sent.values()]
    this.#sent.clear()
    for (const { hear } of all) hear({ type: 'lost', why })
  }
}

/** A message that cannot be sent any more belongs to a process whose end is told by its `close`. */
function ignored(): void {}

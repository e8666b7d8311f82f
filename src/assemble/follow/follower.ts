import { Worker } from 'node:worker_threads'
import { UpshiftError } from '../../contract/problem.ts'
import type { Logs } from '../../observe/logs.ts'
import type { FollowerData, FromFollower, Kind, Questions, ToFollower } from './messages.ts'

const MODULE = new URL('./thread.ts', import.meta.url)
/** The first pause before it is started again; each doubles, while it gets nowhere. */
const RESTART_MS = 1_000
const RESTART_MS_MAX = 60_000
const STOP_MS = 10_000
/** It goes through the log in slices and keeps little: a small young generation is as fast, and far smaller. */
const HEAP = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 512 }
/** Questions that may wait for the follower at once; what erasure, retention and backup ask is bounded by their turns. */
const WAITING_MAX = 256

export interface FollowerOptions extends FollowerData {
  readonly logs: Logs
  /** Resolves when everything appended so far is on the disk, with the sequence number that follows it. */
  sync(): Promise<number>
}

interface Waiting {
  readonly message: Extract<ToFollower, { type: 'ask' }>
  resolve(reply: unknown): void
  reject(reason: unknown): void
}

/**
 * The main thread's end of the follower. It starts with the first question or with `start`, is told what is on the
 * disk, and is started again where it dies: it holds nothing that cannot be made from the log.
 */
export class Follower implements AsyncDisposable {
  readonly #options: FollowerOptions
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #restart: NodeJS.Timeout | undefined
  #restartMs = RESTART_MS
  #lastId = 0
  #synced = 0
  #stopped: (() => void) | undefined
  #closing = false
  /** Entries before it are in the tree and in the projections. */
  reached = 0
  /** The newest signed checkpoint that this process has heard of. */
  newest: string | undefined
  /** Why the follower does not follow now; undefined where it does. */
  broken: string | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#worker !== undefined || this.#closing) return
    const { home, masterKey } = this.#options
    const workerData: FollowerData = { home, masterKey }
    const worker = new Worker(MODULE, { workerData, name: 'follower', resourceLimits: HEAP })
    this.#worker = worker
    worker.on('message', (message: FromFollower) => this.#heard(message))
    let why: string | undefined
    worker.on('error', (error: Error) => {
      why = error.message
    })
    // Comes after the error, where there was one: its words say more than the code.
    worker.on('exit', (code) => {
      this.#worker = undefined
      if (this.#stopped !== undefined) this.#stopped()
      else this.#failed(why ?? `The thread ended with ${code}.`)
    })
    this.#hold()
    this.#tell({ type: 'synced', seq: this.#synced })
    for (const { message } of this.#waiting.values()) this.#tell(message)
  }

  /** Entries before `seq` are on the disk. */
  synced(seq: number): void {
    this.#synced = seq
    this.#tell({ type: 'synced', seq })
  }

  /** Answers from everything that was appended before the call. Rejects with UpshiftError. */
  async ask<K extends Kind>(kind: K, ask: Questions[K]['ask']): Promise<Questions[K]['reply']> {
    const seq = await this.#options.sync()
    if (this.#waiting.size >= WAITING_MAX && (kind === 'index' || kind === 'caught-up')) {
      const message = `${WAITING_MAX} questions wait for an answer from the log already. Try again shortly.`
      throw new UpshiftError({ code: 'queue_full', message, retryAfterMs: 1_000 })
    }
    if (this.#closing || this.broken !== undefined) throw unfollowed()
    const id = ++this.#lastId
    const message = { type: 'ask', id, seq, kind, ask } as const
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { message, resolve, reject })
    })
    this.#hold()
    if (this.#worker === undefined) this.start()
    else this.#tell(message)
    // The follower answers each kind with its reply: following.ts.
    return (await reply) as Questions[K]['reply']
  }

  /** Lets it read to the end, sign and save; gives up on it after STOP_MS: the next start catches up. */
  async [Symbol.asyncDispose](): Promise<void> {
    // One that died just now gets a last chance: what is not signed at the end is signed only at the next start.
    if (this.broken !== undefined) this.start()
    this.#closing = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker === undefined) return
    // Heard from now on: it may end by itself while the log is synced.
    const ended = new Promise<void>((resolve) => {
      this.#stopped = resolve
    })
    worker.ref()
    const seq = await this.#options.sync().catch(() => this.#synced)
    this.#tell({ type: 'stop', seq })
    const timer = setTimeout(() => void worker.terminate(), STOP_MS)
    await ended
    clearTimeout(timer)
    this.#refuseAll()
  }

  #tell(message: ToFollower): void {
    this.#worker?.postMessage(message)
  }

  #heard(message: FromFollower): void {
    switch (message.type) {
      case 'reply':
        this.#take(message.id)?.resolve(message.reply)
        break
      case 'refused':
        this.#take(message.id)?.reject(new UpshiftError(message.problem))
        break
      case 'reached':
        this.reached = message.seq
        this.newest = message.note
        this.broken = undefined
        this.#restartMs = RESTART_MS
        break
      case 'remark':
        this.#options.logs.warn(message.words)
        break
      case 'stopped':
        break
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    this.#hold()
    return waiting
  }

  /** The thread keeps the process alive only while a question waits: before anything listens nothing else does. */
  #hold(): void {
    if (this.#closing) return
    if (this.#waiting.size > 0) this.#worker?.ref()
    else this.#worker?.unref()
  }

  #failed(why: string): void {
    if (this.#closing) return
    this.broken = why
    this.#options.logs.error(
      { why },
      'the log is not followed: no checkpoints, no usage figures; trying again',
    )
    this.#refuseAll()
    clearTimeout(this.#restart)
    this.#restart = setTimeout(() => this.start(), this.#restartMs)
    this.#restartMs = Math.min(2 * this.#restartMs, RESTART_MS_MAX)
    this.#restart.unref()
  }

  #refuseAll(): void {
    for (const { reject } of this.#waiting.values()) reject(unfollowed())
    this.#waiting.clear()
  }
}

/** Why stands in the server's log and in `broken`: it may name files, and whoever asks may hold any key. */
function unfollowed(): UpshiftError {
  const message =
    "The log is recorded, but not followed now, so this cannot be answered. Upshift's log and `upshift doctor` say why, unless the server is stopping."
  return new UpshiftError({ code: 'record_unavailable', message, retryAfterMs: 1_000 })
}

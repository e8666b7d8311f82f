import { type Transferable, Worker } from 'node:worker_threads'
import type { WorkerCall, WorkerReply } from './worker-task.ts'

/**
 * DESIGN. What may take long, or for ever, runs in a worker thread that can be killed: a schema with a
 * catastrophic regular expression, a large parse, an exact token count. A slot is one thread and at most one
 * task; it starts with the first task that finds no idle slot, and ends with a crash or a time-out, after
 * which the next task starts a fresh one. The time of a task runs from the moment when a started worker is
 * handed it, so a cold start does not eat it; starting and waiting have bounds of their own. A task that was
 * running when its worker died is never run again: it may be what killed it.
 */
export interface WorkerPoolOptions {
  /** The worker's module, which calls `serveTasks`: `new URL('./worker.ts', import.meta.url)`. */
  readonly module: URL
  /** Threads at most. */
  readonly size: number
  /** Tasks that may wait; one more is refused with `queue-full`. */
  readonly queueLimit: number
  /** Milliseconds that one task may run. */
  readonly taskTimeoutMs: number
  /** Milliseconds that a task may wait until a worker takes it; ten times `taskTimeoutMs` where not given. */
  readonly waitTimeoutMs?: number
  /** Milliseconds until a started worker must be ready; 10,000 where not given. */
  readonly startTimeoutMs?: number
  /** Heap of one worker in MiB; beyond it the worker dies and its task fails with `crashed`. 128 by default. */
  readonly heapMb?: number
  /**
   * Memory of one worker outside its heap, where buffers lie, in MiB, looked at ten times a second while a task runs:
   * beyond it the task fails with `crashed`. No bound where not given.
   */
  readonly externalMb?: number
}

export interface WorkerPool {
  /** Runs one task. Rejects with `WorkerError`; an abort leaves a running task to its time-out. */
  run(task: unknown, transfer?: readonly Transferable[], signal?: AbortSignal): Promise<unknown>
  /** Ends every worker; what waits or runs rejects with `closed`. */
  close(): Promise<void>
  /** Worker threads alive now. */
  readonly workers: number
}

export type WorkerFault =
  | 'queue-full'
  | 'wait-timeout'
  | 'task-timeout'
  | 'start-timeout'
  | 'crashed'
  | 'failed'
  | 'aborted'
  | 'closed'

/** Why a task has no result. `failed` is the task's own exception; everything else is the pool's doing. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
  readonly fault: WorkerFault

  constructor(fault: WorkerFault, message: string) {
    super(message)
    this.fault = fault
  }
}

export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  return new Pool(options)
}

const START_TIMEOUT_MS = 10_000
const HEAP_MB = 128
/** Three half-spaces of 16 MiB, as the main thread's: half of what V8 would take, and as fast. */
const YOUNG_MB = 48
const LOOK_MS = 100

class Job {
  readonly id: number
  readonly task: unknown
  readonly transfer: readonly Transferable[]
  readonly #resolve: (result: unknown) => void
  readonly #reject: (error: WorkerError) => void
  readonly #signal: AbortSignal | undefined
  readonly #onAbort: () => void
  readonly #waiting: NodeJS.Timeout
  settled = false

  constructor(
    id: number,
    task: unknown,
    transfer: readonly Transferable[],
    signal: AbortSignal | undefined,
    waitTimeoutMs: number,
    ends: { resolve: (result: unknown) => void; reject: (error: WorkerError) => void },
  ) {
    this.id = id
    this.task = task
    this.transfer = transfer
    this.#resolve = ends.resolve
    this.#reject = ends.reject
    this.#signal = signal
    this.#onAbort = () => this.fail('aborted', 'The task was given up by its caller.')
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#waiting = setTimeout(() => {
      this.fail(
        'wait-timeout',
        `The task waited ${waitTimeoutMs} ms and every worker was busy: try again later.`,
      )
    }, waitTimeoutMs)
  }

  /** The job has a worker, perhaps one that still starts: it waits no more. */
  begin(): void {
    clearTimeout(this.#waiting)
  }

  succeed(result: unknown): void {
    if (this.#settle()) this.#resolve(result)
  }

  fail(fault: WorkerFault, message: string): void {
    if (this.#settle()) this.#reject(new WorkerError(fault, message))
  }

  #settle(): boolean {
    if (this.settled) return false
    this.settled = true
    clearTimeout(this.#waiting)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

/** One thread. It refers to the pool only to say that it is free, or gone. */
class Slot {
  readonly #worker: Worker
  readonly #options: WorkerPoolOptions
  readonly #free: (slot: Slot) => void
  readonly #gone: (slot: Slot) => void
  #job: Job | undefined
  #ready = false
  #timer: NodeJS.Timeout
  #look: NodeJS.Timeout | undefined

  constructor(options: WorkerPoolOptions, job: Job, free: (slot: Slot) => void, gone: (slot: Slot) => void) {
    this.#options = options
    this.#job = job
    job.begin()
    this.#free = free
    this.#gone = gone
    this.#worker = new Worker(options.module, {
      resourceLimits: {
        maxOldGenerationSizeMb: options.heapMb ?? HEAP_MB,
        maxYoungGenerationSizeMb: YOUNG_MB,
      },
    })
    this.#worker.on('message', (reply: WorkerReply) => this.#hear(reply))
    this.#worker.on('error', (error) => this.#end('crashed', `The worker died: ${String(error)}`))
    this.#worker.on('exit', (code) => this.#end('crashed', `The worker ended by itself with code ${code}.`))
    const startTimeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS
    this.#timer = setTimeout(() => {
      this.#end(
        'start-timeout',
        `A worker was not ready within ${startTimeoutMs} ms: is the machine overloaded?`,
      )
    }, startTimeoutMs)
  }

  get busy(): boolean {
    return this.#job !== undefined
  }

  take(job: Job): void {
    this.#job = job
    job.begin()
    if (this.#ready) this.#send(job)
  }

  close(): Promise<unknown> {
    this.#end('closed', 'The worker pool was closed.')
    return this.#worker.terminate()
  }

  #send(job: Job): void {
    // A busy thread keeps the process alive; an idle one must not.
    this.#worker.ref()
    const limit = this.#options.taskTimeoutMs
    this.#timer = setTimeout(() => {
      this.#end('task-timeout', `The task did not end within ${limit} ms and was stopped.`)
    }, limit)
    if (this.#options.externalMb !== undefined) {
      this.#look = setInterval(() => void this.#measure(job), LOOK_MS)
    }
    const call: WorkerCall = { id: job.id, task: job.task }
    try {
      this.#worker.postMessage(call, job.transfer)
    } catch (error) {
      // The task cannot be cloned: the worker has not seen it and stays.
      this.#finish()
      job.fail('failed', `The task cannot be sent to a worker: ${String(error)}`)
      this.#free(this)
    }
  }

  #hear(reply: WorkerReply): void {
    clearTimeout(this.#timer)
    if (reply.type === 'ready') {
      this.#ready = true
      const job = this.#job
      if (job !== undefined && !job.settled) this.#send(job)
      else {
        this.#finish()
        this.#free(this)
      }
      return
    }
    const job = this.#finish()
    if (job !== undefined && job.id === reply.id) {
      if (reply.type === 'done') job.succeed(reply.result)
      else job.fail('failed', reply.message)
    }
    this.#free(this)
  }

  async #measure(job: Job): Promise<void> {
    const bound = this.#options.externalMb ?? Number.POSITIVE_INFINITY
    // A worker that has ended meanwhile has nothing to be measured: its end is told by its own events.
    const heap = await this.#worker.getHeapStatistics().catch(() => undefined)
    if (heap === undefined || this.#job !== job) return
    // Beyond 2 GiB a figure of 32 bits is negative.
    const external = heap.external_memory < 0 ? Number.POSITIVE_INFINITY : heap.external_memory
    if (external > bound * 2 ** 20) {
      this.#end('crashed', `The task took more than ${bound} MiB outside the heap and was stopped.`)
    }
  }

  #finish(): Job | undefined {
    clearTimeout(this.#timer)
    clearInterval(this.#look)
    this.#worker.unref()
    const job = this.#job
    this.#job = undefined
    return job
  }

  #end(fault: WorkerFault, message: string): void {
    const job = this.#finish()
    this.#worker.removeAllListeners()
    // A late error of a thread that is being ended has no one left to tell.
    this.#worker.on('error', () => undefined)
    void this.#worker.terminate()
    job?.fail(fault, message)
    this.#gone(this)
  }
}

class Pool implements WorkerPool {
  readonly #options: WorkerPoolOptions
  readonly #slots = new Set<Slot>()
  readonly #queue: Job[] = []
  #nextId = 0
  #closed = false

  constructor(options: WorkerPoolOptions) {
    this.#options = options
  }

  get workers(): number {
    return this.#slots.size
  }

  run(task: unknown, transfer: readonly Transferable[] = [], signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new WorkerError('closed', 'The worker pool was closed.'))
      if (signal?.aborted) return reject(new WorkerError('aborted', 'The task was given up by its caller.'))
      this.#dropSettled()
      const idle = this.#idleSlot()
      const room = idle !== undefined || this.#slots.size < this.#options.size
      if (!room && this.#queue.length >= this.#options.queueLimit) {
        const message = `All ${this.#options.size} workers are busy and ${this.#queue.length} tasks wait: try again later.`
        return reject(new WorkerError('queue-full', message))
      }
      const wait = this.#options.waitTimeoutMs ?? this.#options.taskTimeoutMs * 10
      const job = new Job(this.#nextId++, task, transfer, signal, wait, { resolve, reject })
      if (idle !== undefined) idle.take(job)
      else if (room) this.#start(job)
      else this.#queue.push(job)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const job of this.#queue.splice(0)) job.fail('closed', 'The worker pool was closed.')
    await Promise.all([...this.#slots].map((slot) => slot.close()))
  }

  #start(job: Job): void {
    this.#slots.add(
      new Slot(
        this.#options,
        job,
        (slot) => this.#give(slot),
        (slot) => this.#replace(slot),
      ),
    )
  }

  #give(slot: Slot): void {
    const job = this.#nextJob()
    if (job !== undefined) slot.take(job)
  }

  #replace(slot: Slot): void {
    this.#slots.delete(slot)
    if (this.#closed) return
    const job = this.#nextJob()
    if (job !== undefined) this.#start(job)
  }

  #idleSlot(): Slot | undefined {
    for (const slot of this.#slots) if (!slot.busy) return slot
    return undefined
  }

  #nextJob(): Job | undefined {
    this.#dropSettled()
    return this.#queue.shift()
  }

  /** Forgets what was given up while it waited; the queue is at most `queueLimit` long. */
  #dropSettled(): void {
    for (let at = this.#queue.length - 1; at >= 0; at--)
      if (this.#queue[at]?.settled) this.#queue.splice(at, 1)
  }
}

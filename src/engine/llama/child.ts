import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../lib/clock.ts'
import { Embedding } from './embedding.ts'
import { LoadedModel, openModel } from './model.ts'
import type { EmbedJob, FromChild, Gauges, Job, LoadOptions, ModelFacts, ToChild } from './protocol.ts'
import { Scheduler } from './scheduler.ts'
import { WarmStates } from './warm-states.ts'

/*
 * The child process that holds one model. Native code may crash, and a chat template may never come back: then this
 * process dies, or is ended, and nothing else with it. It speaks with its parent alone, and ends with it, also where
 * its main thread hangs: a thread looks whether the parent still lives.
 */

const GAUGES_MS = 250
/** Text leaves at most so often. To hand it over costs as much as 3 % of a token of a small model, and nobody reads so fast. */
const SAYS_MS = 33

class Child {
  #scheduler: Scheduler | undefined
  #embedding: Embedding | undefined
  #told: FromChild[] = []
  #flushing = false
  #waiting: NodeJS.Timeout | undefined
  #flushedAt = Number.NEGATIVE_INFINITY
  #toldGauges = ''

  hear(message: ToChild): void {
    switch (message.type) {
      case 'load':
        void this.#load(message.options)
        return
      case 'run':
        this.#run(message.job)
        return
      case 'cancel':
        this.#scheduler?.cancel(message.id)
        this.#embedding?.cancel(message.id)
        return
      case 'forget':
        void (this.#scheduler ?? this.#embedding)?.forget().then(() => this.#tell({ type: 'forgotten' }))
        return
      case 'ping':
        this.#tell({ type: 'pong' })
    }
  }

  async #load(options: LoadOptions): Promise<void> {
    try {
      const open = await openModel(options)
      const tell = (message: FromChild): void => this.#tell(message)
      if (options.embeds) {
        const embedding = await Embedding.load(open, options, tell)
        this.#embedding = embedding
        this.#ready(embedding.facts, () => embedding.gauges)
        return
      }
      const model = await LoadedModel.load(open, options)
      const scheduler = new Scheduler(model, options, this.#states(options, model), systemClock, tell)
      this.#scheduler = scheduler
      this.#ready(model.facts, () => scheduler.gauges)
    } catch (error) {
      this.#tell({ type: 'unloadable', why: error instanceof Error ? error.message : String(error) })
    }
  }

  #run(job: Job | EmbedJob): void {
    if (job.type === 'embed') this.#embedding?.submit(job)
    else {
      // At once, and not with the rest of this turn, which may never end.
      process.send?.([{ type: 'reading', id: job.id } satisfies FromChild])
      this.#scheduler?.submit(job)
    }
  }

  #states(options: LoadOptions, model: LoadedModel): WarmStates | undefined {
    if (options.warm === undefined) return undefined
    const { folder, bytes: limitBytes } = options.warm
    const warn = (message: string): void => this.#tell({ type: 'warned', message })
    return new WarmStates({ folder, limitBytes, identity: identityOf(options, model.release), warn })
  }

  #ready(facts: ModelFacts, gauges: () => Gauges): void {
    this.#tell({ type: 'loaded', facts })
    setInterval(() => this.#tellGauges(gauges()), GAUGES_MS)
  }

  /** As they are, where they have changed: an idle model wakes nobody. */
  #tellGauges(gauges: Gauges): void {
    const text = JSON.stringify(gauges)
    if (text === this.#toldGauges) return
    this.#toldGauges = text
    this.#tell({ type: 'gauges', gauges })
  }

  /**
   * What is said together goes as one message, a turn of the loop later: the next tokens are begun in between, in
   * threads of llama.cpp, and do not wait for it. Text that follows other text closely waits for a moment.
   */
  #tell(message: FromChild): void {
    if (message.type !== 'said' || !this.#saidMore(message)) this.#told.push(message)
    if (this.#flushing) return
    const waitMs = message.type === 'said' ? this.#flushedAt + SAYS_MS - systemClock.elapsed() : 0
    if (waitMs > 0) this.#waiting ??= setTimeout(() => this.#flush(), waitMs)
    else {
      this.#flushing = true
      setImmediate(() => setImmediate(() => this.#flush()))
    }
  }

  /** Adds to what the same answer has said since the last message went. */
  #saidMore({ id, pieces }: Extract<FromChild, { type: 'said' }>): boolean {
    const at = this.#told.findLastIndex((told) => 'id' in told && told.id === id)
    const before = this.#told[at]
    if (before?.type !== 'said') return false
    this.#told[at] = { ...before, pieces: [...before.pieces, ...pieces] }
    return true
  }

  #flush(): void {
    clearTimeout(this.#waiting)
    this.#waiting = undefined
    this.#flushing = false
    this.#flushedAt = systemClock.elapsed()
    const told = this.#told
    this.#told = []
    process.send?.(told)
  }
}

/** Another file or build reads other states, and some models read a longer context in another way. */
function identityOf({ path, contextTokens }: LoadOptions, release: string): string {
  const { size, mtimeMs } = statSync(path)
  return createHash('sha256')
    .update(JSON.stringify([path, size, mtimeMs, contextTokens, release]))
    .digest('hex')
}

if (import.meta.main) {
  process.umask(0o077)
  new Worker(new URL('./orphan.ts', import.meta.url), {
    workerData: process.ppid,
    stdout: true,
    stderr: true,
  })
  const child = new Child()
  process.on('message', (message) => child.hear(message as ToChild))
  // Nothing here outlives the parent, and what native code is in the middle of must not delay the end.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  // A signal to the terminal's group is for the parent to answer: it ends this process when it is done.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
}

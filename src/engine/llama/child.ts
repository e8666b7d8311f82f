import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../lib/clock.ts'
import { LoadedModel } from './model.ts'
import type { FromChild, Gauges, LoadOptions, ToChild } from './protocol.ts'
import { Scheduler } from './scheduler.ts'
import { WarmStates } from './warm-states.ts'

/*
 * The child process that holds one model. Native code may crash, and a chat template may never come back: then this
 * process dies, or is ended, and nothing else with it. It speaks with its parent alone, and ends with it, also where
 * its main thread hangs: a thread looks whether the parent still lives.
 */

const GAUGES_MS = 250

class Child {
  #scheduler: Scheduler | undefined
  #told: FromChild[] = []
  #toldGauges = ''

  hear(message: ToChild): void {
    switch (message.type) {
      case 'load':
        void this.#load(message.options)
        return
      case 'run':
        // At once, and not with the rest of this turn, which may never end.
        process.send?.([{ type: 'reading', id: message.job.id } satisfies FromChild])
        this.#scheduler?.submit(message.job)
        return
      case 'cancel':
        this.#scheduler?.cancel(message.id)
        return
      case 'forget':
        void this.#scheduler?.forget().then(() => this.#tell({ type: 'forgotten' }))
        return
      case 'ping':
        this.#tell({ type: 'pong' })
    }
  }

  async #load(options: LoadOptions): Promise<void> {
    try {
      const model = await LoadedModel.load(options)
      const { warm } = options
      const warn = (message: string): void => this.#tell({ type: 'warned', message })
      const states =
        warm &&
        new WarmStates({
          folder: warm.folder,
          limitBytes: warm.bytes,
          identity: identityOf(options, model.release),
          warn,
        })
      const scheduler = new Scheduler(model, options, states, systemClock, (message) => this.#tell(message))
      this.#scheduler = scheduler
      this.#tell({ type: 'loaded', facts: model.facts })
      setInterval(() => this.#tellGauges(scheduler.gauges), GAUGES_MS)
    } catch (error) {
      this.#tell({ type: 'unloadable', why: error instanceof Error ? error.message : String(error) })
    }
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
   * threads of llama.cpp, and do not wait for it.
   */
  #tell(message: FromChild): void {
    if (this.#told.push(message) > 1) return
    setImmediate(() => setImmediate(() => this.#flush()))
  }

  #flush(): void {
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

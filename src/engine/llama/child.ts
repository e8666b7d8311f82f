import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { systemClock } from '../../lib/clock.ts'
import { LoadedModel } from './model.ts'
import type { FromChild, LoadOptions, ToChild } from './protocol.ts'
import { Scheduler } from './scheduler.ts'
import { WarmStates } from './warm-states.ts'

/*
 * The child process that holds one model. Native code may crash, and a chat template may never come back: then this
 * process dies, or is ended, and nothing else with it. It speaks with its parent alone, and ends with it.
 */

const GAUGES_MS = 250

class Child {
  #scheduler: Scheduler | undefined
  #told: FromChild[] = []

  hear(message: ToChild): void {
    switch (message.type) {
      case 'load':
        void this.#load(message.options)
        return
      case 'run':
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
      const states = warm && new WarmStates(warm.folder, warm.bytes, identityOf(options))
      const scheduler = new Scheduler(model, options, states, systemClock, (message) => this.#tell(message))
      this.#scheduler = scheduler
      this.#tell({ type: 'loaded', facts: model.facts })
      setInterval(() => this.#tell({ type: 'gauges', gauges: scheduler.gauges }), GAUGES_MS)
    } catch (error) {
      this.#tell({ type: 'unloadable', why: error instanceof Error ? error.message : String(error) })
    }
  }

  /** All that is said in one turn of the loop goes as one message. */
  #tell(message: FromChild): void {
    if (this.#told.push(message) > 1) return
    setImmediate(() => {
      const told = this.#told
      this.#told = []
      process.send?.(told)
    })
  }
}

/** Another file, or another shape of the caches, reads other states. */
function identityOf({ path, contextTokens, slots }: LoadOptions): string {
  const { size, mtimeMs } = statSync(path)
  return createHash('sha256')
    .update(JSON.stringify([path, size, mtimeMs, contextTokens, slots]))
    .digest('hex')
}

if (import.meta.main) {
  process.umask(0o077)
  const child = new Child()
  process.on('message', (message) => child.hear(message as ToChild))
  // Nothing here outlives the parent, and what native code is in the middle of must not delay the end.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  // A signal to the terminal's group is for the parent to answer: it ends this process when it is done.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
}

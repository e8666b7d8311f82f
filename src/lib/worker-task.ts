import { parentPort } from 'node:worker_threads'

/** From the pool to a worker. */
export interface WorkerCall {
  readonly id: number
  readonly task: unknown
}

/** From a worker to the pool: `ready` once, then one answer for each call. */
export type WorkerReply =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly message: string }

/**
 * The other end of `createWorkerPool`: a worker's module calls this once, last. `perform` gets a task as
 * `run` was given it and parses it itself. What it throws becomes a `WorkerError` of reason `failed`; a
 * worker is handed one task at a time.
 */
export function serveTasks(perform: (task: unknown) => unknown): void {
  const port = parentPort
  if (port === null) throw new Error('serveTasks was called outside a worker thread: start it by a pool')
  const reply = (message: WorkerReply): void => port.postMessage(message)
  port.on('message', async (call: WorkerCall) => {
    try {
      reply({ type: 'done', id: call.id, result: await perform(call.task) })
    } catch (error) {
      reply({ type: 'failed', id: call.id, message: error instanceof Error ? error.message : String(error) })
    }
  })
  reply({ type: 'ready' })
}

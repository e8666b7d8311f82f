import { workerData } from 'node:worker_threads'

/*
 * A thread beside a model's process: where the parent is gone, the process ends, whatever its main thread does. The
 * closed channel says so sooner, where the main thread can hear it.
 */

const LOOK_MS = 1_000

setInterval(() => {
  // Whose parent has died is given another one.
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS)

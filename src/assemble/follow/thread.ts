import { parentPort, workerData } from 'node:worker_threads'
import { UpshiftError } from '../../contract/problem.ts'
import { assert } from '../../lib/assert.ts'
import { Following } from './following.ts'
import type { FollowerData, FromFollower, ToFollower } from './messages.ts'

/** The follower's thread: see follower.ts. */
assert(parentPort !== null, 'the follower runs in a worker thread')
const port = parentPort
const tell = (message: FromFollower): void => port.postMessage(message)
// What the main thread gave is what it declares.
const following = new Following(workerData as FollowerData, tell)

port.on('message', (message: ToFollower) => {
  switch (message.type) {
    case 'synced':
      following.reach(message.seq)
      break
    case 'ask':
      following.ask(message)
      break
    case 'stop':
      following.stop(message.seq)
      port.close()
      break
  }
})

process.on('uncaughtException', (error) => {
  // What a worker throws loses its class on the way: the words are kept.
  throw error instanceof UpshiftError ? new Error(error.problem.message, { cause: error }) : error
})

import { readlinkSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../lib/assert.ts'
import { Following } from './following.ts'
import type { FollowerData, FromFollower, ToFollower } from './messages.ts'

/** The follower's thread: see follower.ts. */
const BACKGROUND_NICE = 10

standBack()
assert(parentPort !== null, 'the follower runs in a worker thread')
const port = parentPort
const tell = (message: FromFollower): void => port.postMessage(message)
// What the main thread gave is what it declares.
const following = new Following(workerData as FollowerData, tell)
// A thread has a cache of its own, which a server that is killed would lose: see start.ts.
flushCompileCache()

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

/**
 * Lets every other thread go first where cores are scarce: what is done here may lag, and an answer may not. Linux
 * alone gives threads priorities of their own; https://man7.org/linux/man-pages/man2/setpriority.2.html
 */
function standBack(): void {
  if (process.platform !== 'linux') return
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  setPriority(thread, BACKGROUND_NICE)
}

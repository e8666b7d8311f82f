import { createServer, Server } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

/**
 * Loaded into each measured process by `--import probe.mjs?socket=PATH`: tells over a Unix socket how late the event
 * loop was. Plain JavaScript, so that it also runs under an older Node. With `loopback=1` every TCP port that the
 * process opens is opened on 127.0.0.1 only, for a program that has no setting for it.
 *
 * One byte `r` begins a new histogram, any other byte asks for it and stops it: `{"p50Ms":…,"p99Ms":…,"maxMs":…}`.
 * A timer fires every millisecond, and what is told is by how much it was late, that millisecond taken off.
 */
const { searchParams } = new URL(import.meta.url)
const path = searchParams.get('socket')
const RESOLUTION_MS = 1

// Flags are handed on to worker threads, whose loops are not asked about.
if (path !== null && isMainThread) {
  if (searchParams.get('loopback') === '1') listenOnLoopback()
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const lateMs = (/** @type {number} */ nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (bytes) => {
      if (bytes[0] === 'r'.charCodeAt(0)) {
        histogram.reset()
        histogram.enable()
        socket.end('{}')
        return
      }
      histogram.disable()
      const [p50Ms, p99Ms] = [50, 99].map((share) => lateMs(histogram.percentile(share)))
      socket.end(JSON.stringify({ p50Ms, p99Ms, maxMs: lateMs(histogram.max) }))
    })
  })
  server.listen(path).unref()
}

function listenOnLoopback() {
  const listen = Server.prototype.listen
  Server.prototype.listen = function (...args) {
    const [first, ...rest] = args
    if (typeof first === 'number') {
      const then = rest.filter((one) => typeof one === 'function')
      return Reflect.apply(listen, this, [{ port: first, host: '127.0.0.1' }, ...then])
    }
    const onTcp = typeof first === 'object' && first !== null && 'port' in first
    return Reflect.apply(listen, this, onTcp ? [{ ...first, host: '127.0.0.1' }, ...rest] : args)
  }
}

import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { type Clock, pause } from '../lib/clock.ts'
import { createServer } from '../lib/node-http.ts'

/** A server that listens, and that ends without losing what it accepted. */
export interface HttpServer {
  listen(host: string, port: number): Promise<string>
  /** Serves the same routes on a Unix socket that only this user can open. */
  listenControl(path: string): Promise<void>
  /** Stops accepting, lets what was accepted end, then closes; cuts off what is left after `drainMs`. */
  drain(bounds: DrainBounds): Promise<{ readonly cut: number }>
}

export interface DrainBounds {
  readonly drainMs: number
  /** After the last answer a connection may still carry a request that is on its way: wait this long for it. */
  readonly lingerMs: number
}

const DRAIN_POLL_MS = 20
const CLOSING_MS = 2_000

/** Shared with the hooks that see every request come and go. */
export interface DrainState {
  draining: boolean
  /** Requests whose connection is open. */
  active: number
  /** Requests for an answer that have not been closed in the record. */
  answering: number
  /** Bytes of the bodies of requests under way, as they were announced. */
  bodyBytes: number
}

export class Listening implements HttpServer {
  readonly #app: FastifyInstance
  readonly #state: DrainState
  readonly #clock: Clock
  #control: { server: Server; path: string } | undefined

  constructor(app: FastifyInstance, state: DrainState, clock: Clock) {
    this.#app = app
    this.#state = state
    this.#clock = clock
  }

  listen(host: string, port: number): Promise<string> {
    return this.#app.listen({ host, port })
  }

  listenControl(path: string): Promise<void> {
    const server = createServer((request, response) => this.#app.routing(request, response))
    this.#control = { server, path }
    rmSync(path, { force: true })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(path, () => {
        chmodSync(path, 0o600)
        resolve()
      })
    })
  }

  async drain({ drainMs, lingerMs }: DrainBounds): Promise<{ cut: number }> {
    this.#state.draining = true
    const servers = [this.#app.server, ...(this.#control === undefined ? [] : [this.#control.server])]
    // http.Server.close() would also cut idle keep-alive connections, on which a request may be under way; so
    // only the listening socket is closed first, and every answer from here on says `connection: close`.
    if (this.#control !== undefined) {
      // A command that has found the socket is let in; from here on no other finds it.
      rmSync(this.#control.path, { force: true })
      await pause(DRAIN_POLL_MS)
    }
    for (const server of servers) if (server.listening) NetServer.prototype.close.call(server)
    const clock = this.#clock
    const end = clock.elapsed() + drainMs
    let quietSince = clock.elapsed()
    while (clock.elapsed() < end) {
      if (this.#state.active > 0) quietSince = clock.elapsed()
      else if (clock.elapsed() - quietSince >= lingerMs || (await connections(servers)) === 0) break
      await pause(DRAIN_POLL_MS)
    }
    const cut = this.#state.active
    for (const server of servers) server.closeAllConnections()
    // What was cut off ends as aborted in the record: it gets a moment to be written.
    for (let waited = 0; this.#state.answering > 0 && waited < CLOSING_MS; waited += DRAIN_POLL_MS) {
      await pause(DRAIN_POLL_MS)
    }
    await this.#app.close()
    return { cut }
  }
}

/** Open connections, idle ones included. */
async function connections(servers: readonly Server[]): Promise<number> {
  const counts = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
      }),
  )
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

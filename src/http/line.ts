import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Requests of one connection that wait for an answer before theirs. A client that sends on without waiting (RFC 9112,
 * section 9.3.2) has a few; Node reads as many as fit into 64 KiB, and each would keep its answer in memory.
 */
const IN_LINE_MAX = 64

/** The requests in line, on every connection. */
export class Line {
  readonly #waiting = new WeakMap<Socket, number>()

  /** Counts in an answer that has no socket yet. False, and the connection is closed, where there are too many before it. */
  admits(socket: Socket, raw: ServerResponse): boolean {
    const waiting = this.#waiting.get(socket) ?? 0
    if (waiting >= IN_LINE_MAX) {
      socket.destroy()
      return false
    }
    this.#waiting.set(socket, waiting + 1)
    raw.once('socket', () => this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1))
    return true
  }
}

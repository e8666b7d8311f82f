import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../lib/clock.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { DrainState } from './listening.ts'

/** Where a visit is counted. */
export interface VisitPorts {
  readonly clock: Clock
  readonly metrics: Metrics
  readonly limits: { readonly maxBodyBytesInFlight: number }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null before the first hook. */
    visit: Visit | null
  }
}

/** A request from its arrival until its answer is over; one listener ends all that it counts in meanwhile. */
export class Visit {
  readonly #ports: VisitPorts
  readonly #state: DrainState
  readonly #request: FastifyRequest
  readonly #raw: ServerResponse
  readonly #arrivedAt: number
  #bytes = 0
  #over = false

  constructor(ports: VisitPorts, state: DrainState, request: FastifyRequest, reply: FastifyReply) {
    this.#ports = ports
    this.#state = state
    this.#request = request
    this.#raw = reply.raw
    this.#arrivedAt = ports.clock.elapsed()
    state.active += 1
    ports.metrics.inFlight.inc()
    // It is emitted once: `once` would wrap the listener, and take it off again.
    reply.raw.on('close', () => this.#end())
  }

  /** Counts bytes that the request keeps in memory until its answer is over; false where there is no room for them. */
  hold(bytes: number): boolean {
    // Whoever left meanwhile gives nothing back any more.
    if (this.#over) return true
    const { bodyBytes } = this.#state
    if (bodyBytes + bytes > this.#ports.limits.maxBodyBytesInFlight && bodyBytes > 0) return false
    this.#state.bodyBytes += bytes
    this.#bytes += bytes
    return true
  }

  #end(): void {
    const { metrics, clock } = this.#ports
    this.#over = true
    this.#state.active -= 1
    this.#state.bodyBytes -= this.#bytes
    metrics.inFlight.dec()
    const route = this.#request.routeOptions.url ?? 'unknown'
    metrics.request(route, this.#raw.statusCode, (clock.elapsed() - this.#arrivedAt) / 1_000)
  }
}

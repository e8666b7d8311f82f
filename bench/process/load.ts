import { setTimeout as sleep } from 'node:timers/promises'
import { Connection } from './connection.ts'

/** What one slice of load showed. */
export interface Slice {
  readonly requests: number
  readonly seconds: number
  /** Milliseconds to the first byte of each body, sorted. */
  readonly firstMs: readonly number[]
  /** Milliseconds to the last byte, sorted. */
  readonly totalMs: readonly number[]
}

/** A slice keeps at most so many timings. */
const TIMINGS_MAX = 200_000

/**
 * Asks over so many connections, one request after the other on each, for so long; each connection begins
 * `staggerMs` after the one before it. Throws at any other status than 200.
 */
export async function load(
  port: number,
  request: string | Uint8Array,
  connections: number,
  durationMs: number,
  staggerMs = 0,
): Promise<Slice> {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port, false)))
  const firstMs: number[] = []
  const totalMs: number[] = []
  let requests = 0
  const begun = performance.now()
  const client = async (connection: Connection, index: number): Promise<void> => {
    if (staggerMs > 0) await sleep(index * staggerMs)
    while (performance.now() - begun < durationMs) {
      const reply = await connection.send(request)
      if (reply.status !== 200) throw new Error(`status ${reply.status} instead of 200:\n${reply.head}`)
      requests += 1
      if (firstMs.length === TIMINGS_MAX) continue
      firstMs.push(reply.firstMs)
      totalMs.push(reply.totalMs)
    }
  }
  await Promise.all(open.map(client))
  const seconds = (performance.now() - begun) / 1_000
  for (const connection of open) connection.destroy()
  return { requests, seconds, firstMs: sorted(firstMs), totalMs: sorted(totalMs) }
}

/** The value below which `share` of the sorted values lie; NaN where there are none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(sorted(values), 0.5)
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((left, right) => left - right)
}

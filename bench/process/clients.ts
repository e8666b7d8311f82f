import { getRequest } from './chat.ts'
import { Connection } from './connection.ts'

/**
 * Many connections in a process of their own, which has file descriptors and memory of its own. Forked with a
 * port, a number and a request: `idle` connections ask /health once and stay; `slow` ones send the request and
 * take nothing of the answer. Tells its parent how many are open, then how many were closed each time it is asked.
 */
export interface ClientsReport {
  readonly open: number
  readonly refused: number
  readonly closed: number
}

const [kind, port, count, request] = process.argv.slice(2)
/** Opened at once: below the 511 that a listening socket keeps in its queue. */
const WAVE = 256

if (process.send !== undefined) {
  const all: Connection[] = []
  let refused = 0
  const report = (): void => {
    const open = all.filter((one) => one.isOpen).length
    const closed = all.length - open
    process.send?.({ open, refused, closed } satisfies ClientsReport)
  }
  for (let left = Number(count); left > 0; left -= WAVE) {
    const wave = Array.from({ length: Math.min(WAVE, left) }, () => openOne())
    for (const one of await Promise.allSettled(wave)) {
      if (one.status === 'fulfilled') all.push(one.value)
      else refused += 1
    }
  }
  report()
  process.on('message', report)
  process.on('disconnect', () => process.exit())
}

async function openOne(): Promise<Connection> {
  const connection = await Connection.open(Number(port), false)
  if (kind === 'idle') {
    const { status } = await connection.send(getRequest('/health'))
    if (status !== 200) throw new Error(`/health answered ${status}`)
    return connection
  }
  // Never whole: being cut off is what it is here for. A paused socket does not even learn of it, so that the
  // server is asked how many it has cut.
  connection.send(request ?? '').catch(() => undefined)
  connection.pause()
  return connection
}

import { type Problem, refuse } from '../../contract/problem.ts'
import { pause } from '../../lib/clock.ts'
import { type Fault, isFault } from './fault.ts'
import type { Reply } from './web.ts'

/** How often a server that does not deliver is asked again, and when. */
export interface Patience {
  /** Attempts in a row that bring next to nothing. */
  readonly tries: number
  /** From 0 to below 1: spreads the attempts of many machines. */
  readonly random: () => number
  readonly signal: AbortSignal
  /** Milliseconds before the second attempt; doubles with each. */
  readonly backoffMs?: number | undefined
  readonly waiting: (why: string, ms: number) => void
}

const BACKOFF_MS = 1_000
const BACKOFF_MAX_MS = 30_000
/** A server that wants to be left alone for longer is not waited for. */
const WAIT_MAX_MS = 300_000
/** A first request that fails is more often a wrong address than bad luck. */
const ASK_TRIES = 4

/** Asks until there is a reply, or the problem of the last attempt. Throws where the signal aborts. */
export async function askAgain(
  patience: Patience,
  ask: () => Promise<Reply | Fault>,
): Promise<Reply | Problem> {
  for (let failed = 1; ; failed++) {
    const answered = await ask()
    if (!isFault(answered)) return answered
    if (!answered.again || failed >= Math.min(patience.tries, ASK_TRIES)) return answered.problem
    const refused = await waitAfter(answered, failed, patience)
    if (refused !== undefined) return refused
  }
}

/** Waits before attempt `failed` + 1; a problem where the server wants to be left alone for too long. */
export async function waitAfter(
  { problem, afterMs = 0 }: Fault,
  failed: number,
  { random, signal, backoffMs = BACKOFF_MS, waiting }: Patience,
): Promise<Problem | undefined> {
  if (afterMs > WAIT_MAX_MS) {
    const minutes = Math.ceil(afterMs / 60_000)
    return refuse(problem.code, `${problem.message} It asks to be left alone for ${minutes} minutes.`).problem
  }
  const backoff = Math.min(BACKOFF_MAX_MS, backoffMs * 2 ** (failed - 1))
  const ms = Math.max(afterMs, Math.round(backoff * (0.5 + random() / 2)))
  waiting(problem.message, ms)
  await pause(ms, signal)
  signal.throwIfAborted()
  return undefined
}

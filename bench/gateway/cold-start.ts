import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/lib/clock.ts'
import { getRequest } from '../process/chat.ts'
import { Connection } from '../process/connection.ts'
import { median } from '../process/load.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { writeLongLog } from './long-log.ts'
import { cpuSeconds, peakRssBytes } from './measured.ts'

/** How long a start takes over a long log: from exec to the first 200 of /health. */
export interface ColdStart {
  readonly entries: number
  readonly logBytes: number
  /** The log alone is there: nothing that was folded from it. */
  readonly rebuiltMs: number
  /** After an orderly end. */
  readonly restartMs: number
  readonly rebuiltPeakRssBytes: number
  /** After the first start, until the process was idle: what is derived from the log catches up beside it. */
  readonly caughtUpMs: number
}

const DAY_MS = 86_400_000
const SPREAD_DAYS = 20
const SEGMENT_BYTES = 64 * 1_048_576
const RESTARTS = 3
const IDLE_SHARE = 0.05
const IDLE_LOOK_MS = 500
const CATCH_UP_LIMIT_MS = 120_000

/** The entries lie within this month as far as it has gone, so that no budget may skip one. */
export async function measureColdStart(folder: string, entries: number): Promise<ColdStart> {
  mkdirSync(folder, { recursive: true })
  const now = systemClock.now()
  const today = new Date(now)
  const month = Date.UTC(today.getUTCFullYear(), today.getUTCMonth())
  const from = Math.max(month, now - SPREAD_DAYS * DAY_MS)
  const logBytes = writeLongLog({
    folder: join(folder, 'home', 'log'),
    entries,
    from,
    to: now,
    segmentBytes: SEGMENT_BYTES,
  })
  try {
    const first = await start(folder, true)
    const restarts: number[] = []
    for (let run = 0; run < RESTARTS; run++) restarts.push((await start(folder, false)).startMs)
    return {
      entries,
      logBytes,
      rebuiltMs: first.startMs,
      restartMs: median(restarts),
      rebuiltPeakRssBytes: first.peakBytes,
      caughtUpMs: first.caughtUpMs,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function start(folder: string, catchUp: boolean) {
  const begun = performance.now()
  await using upshift = await startUpshift({ folder })
  const connection = await Connection.open(upshift.port)
  const { status, body } = await connection.send(getRequest('/health'))
  connection.destroy()
  if (status !== 200) throw new Error(`/health answered ${status}: ${body}`)
  const startMs = performance.now() - begun
  const caughtUpMs = catchUp ? await untilIdle(upshift) : 0
  const peakBytes = peakRssBytes(upshift.child.pid ?? 0)
  // Ends by itself, so that the next start finds what an orderly end leaves.
  upshift.child.kill('SIGTERM')
  await upshift.ended
  return { startMs, caughtUpMs, peakBytes }
}

async function untilIdle(upshift: Upshift): Promise<number> {
  const begun = performance.now()
  const pid = upshift.child.pid ?? 0
  let before = cpuSeconds(pid)
  while (performance.now() - begun < CATCH_UP_LIMIT_MS) {
    await sleep(IDLE_LOOK_MS)
    const now = cpuSeconds(pid)
    if ((now - before) * 1_000 < IDLE_SHARE * IDLE_LOOK_MS) return performance.now() - begun - IDLE_LOOK_MS
    before = now
  }
  throw new Error(`the server was still at work ${CATCH_UP_LIMIT_MS} ms after its start`)
}

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chatBody, chatRequest } from './process/chat.ts'
import { forkClients, forkUpstream } from './process/children.ts'
import { load, quantile, type Slice } from './process/load.ts'
import { readMetrics } from './process/metrics.ts'
import { startUpshift, type Upshift } from './process/upshift.ts'

/**
 * What many connections cost: `npm run bench:connections [-- --idle 10000 --slow 200 --json]`.
 *
 * DESIGN. First connections that have asked once and stay open; then readers who ask for a long stream and take
 * nothing of it. In both phases another client asks on, and its times are printed: the others must not notice.
 * Ends with code 1 where a bound is broken. The bounds:
 * - an idle connection holds at most IDLE_BYTES_MAX; `server.maxConnections` (16,384) of them at most;
 * - a slow reader holds one read of the engine's socket and the queue before it (64 KiB + 128 KiB, each event
 *   both parsed and as text) and the batch that is being written: at most SLOW_BYTES_MAX of heap and buffers,
 *   and not longer than `server.slowReaderMs` after the last byte was taken. While the streams still flow the
 *   resident memory also holds what V8 has not yet collected: at most PEAK_BYTES_MAX for each.
 */
const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '10000' },
    slow: { type: 'string', default: '200' },
    json: { type: 'boolean', default: false },
  },
})
const KIB = 1_024
const MIB = 1_048_576
const IDLE_BYTES_MAX = 32 * KIB
const SLOW_BYTES_MAX = MIB
const PEAK_BYTES_MAX = 4 * MIB
const SLOW_READER_MS = 2_000
const SERVED_MS = 3_000
const CUT_LIMIT_MS = 30_000
const SETTLE_MS = 1_500
const PER_PROCESS = 5_000
/** Sockets, files and pipes that a process needs besides its connections. */
const DESCRIPTORS_SPARE = 100
/** 8 KB every 10 ms for a minute: more than the kernel's buffers for one connection can hold. */
const LONG_STREAM = 'events=6000 chars=8000 gapMs=10'

const idleCount = Number(values.idle)
const slowCount = Number(values.slow)
const folder = mkdtempSync(join(tmpdir(), 'upshift-connections-'))
try {
  checkDescriptors()
  await run()
} finally {
  rmSync(folder, { recursive: true })
}

/** The limit that this process was started with is the one that its children get. */
function checkDescriptors(): void {
  // A parser: the report's shape is documented, and typed as object.
  const { userLimits } = process.report.getReport() as {
    userLimits: { open_files: { soft: number | string } }
  }
  const limit = userLimits.open_files.soft
  const needed = idleCount + 2 * slowCount + DESCRIPTORS_SPARE
  if (typeof limit === 'number' && limit < needed) {
    throw new Error(
      `${needed} file descriptors are needed, ${limit} are allowed: \`ulimit -n ${needed}\` raises it`,
    )
  }
  if (!values.json) process.stdout.write(`file descriptors: ${limit} a process, ${needed} needed\n`)
}

interface Memory {
  readonly rssBytes: number
  /** Heap in use, and buffers outside it. */
  readonly usedBytes: number
  readonly inFlight: number
  /** The longest that the event loop was late since it was last asked. */
  readonly lagMs: number
}

async function run(): Promise<void> {
  await using upstream = await forkUpstream()
  // The long streams have an engine of their own: what the others notice is then the server's doing.
  await using second = await forkUpstream()
  await using upshift = await startUpshift({
    folder,
    engine: upstream.url,
    second: second.url,
    server: { slowReaderMs: SLOW_READER_MS },
  })
  const request = chatRequest(upshift.key, chatBody('events=5', false))
  // The code is compiled and the pools are full before anything is measured.
  const alone = await load(upshift.port, request, 4, SERVED_MS)
  const idle = await idlePhase(upshift, request)
  const slow = await slowPhase(upshift, request)
  const faults = broken(idle, slow)
  const report = { alone: timesOf(alone), idle, slow, slowReaderMs: SLOW_READER_MS, faults }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : words(report))
  if (faults.length > 0) process.exitCode = 1
}

type Idle = Awaited<ReturnType<typeof idlePhase>>
type Slow = Awaited<ReturnType<typeof slowPhase>>

function broken(idle: Idle, slow: Slow): readonly string[] {
  const faults: string[] = []
  if (idle.connected < idleCount)
    faults.push(`only ${idle.connected} of ${idleCount} idle connections are open`)
  if (idle.bytesEach > IDLE_BYTES_MAX)
    faults.push(`an idle connection holds more than ${IDLE_BYTES_MAX} bytes`)
  if (slow.bytesEach > SLOW_BYTES_MAX) faults.push(`a slow reader holds more than ${SLOW_BYTES_MAX} bytes`)
  if (slow.peakBytesEach > PEAK_BYTES_MAX) faults.push(`a slow reader cost more than ${PEAK_BYTES_MAX} bytes`)
  if (slow.cut < slowCount) faults.push(`only ${slow.cut} of ${slowCount} slow readers were cut off`)
  return faults
}

async function idlePhase(upshift: Upshift, request: string) {
  const before = await memory(upshift)
  const children = []
  for (let left = idleCount; left > 0; left -= PER_PROCESS)
    children.push(await forkClients('idle', upshift.port, Math.min(PER_PROCESS, left)))
  await sleep(SETTLE_MS)
  const held = await memory(upshift)
  const served = await load(upshift.port, request, 4, SERVED_MS)
  let connected = 0
  for (const child of children) connected += (await child.report()).open
  for (const child of children) await child[Symbol.asyncDispose]()
  await sleep(SETTLE_MS)
  const after = await memory(upshift)
  const bytesEach = (held.rssBytes - before.rssBytes) / idleCount
  return { connected, before, held, after, bytesEach, served: timesOf(served) }
}

async function slowPhase(upshift: Upshift, request: string) {
  const before = await memory(upshift)
  const long = chatRequest(upshift.key, chatBody(LONG_STREAM, true, 0, 'second'))
  const clients = await forkClients('slow', upshift.port, slowCount, long)
  const begun = performance.now()
  const slices: Slice[] = []
  let peak = before
  let stalled = before
  let lagMs = 0
  // The others ask on until the last of the slow readers has been cut off.
  while (cuts(upshift).length < slowCount && performance.now() - begun < CUT_LIMIT_MS) {
    slices.push(await load(upshift.port, request, 4, 500))
    const now = await memory(upshift)
    if (now.rssBytes > peak.rssBytes) peak = now
    // The last look at all of them: their queues are full, and what has flowed before is collected.
    if (now.inFlight >= slowCount) stalled = now
    lagMs = Math.max(lagMs, now.lagMs)
  }
  const cutMs = cuts(upshift)
  await clients[Symbol.asyncDispose]()
  // Requests go on, so that V8 collects what the streams have left.
  await load(upshift.port, request, 4, SERVED_MS)
  const after = await memory(upshift)
  const served = {
    requests: slices.reduce((sum, one) => sum + one.requests, 0),
    seconds: slices.reduce((sum, one) => sum + one.seconds, 0),
    firstMs: slices.flatMap((one) => one.firstMs).sort((left, right) => left - right),
  }
  const bytesEach = (stalled.usedBytes - before.usedBytes) / slowCount
  const peakBytesEach = (peak.rssBytes - before.rssBytes) / slowCount
  return {
    cut: cutMs.length,
    cutAfterMs: { median: quantile(cutMs, 0.5), longest: quantile(cutMs, 1) },
    before,
    stalled,
    peak,
    after,
    bytesEach,
    peakBytesEach,
    lagMs,
    served: timesOf(served),
  }
}

async function memory(upshift: Upshift): Promise<Memory> {
  const seen = await readMetrics(
    upshift.port,
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_external_memory_bytes',
    'nodejs_eventloop_lag_max_seconds',
    'upshift_requests_in_flight',
  )
  return {
    rssBytes: seen.process_resident_memory_bytes,
    usedBytes: seen.nodejs_heap_size_used_bytes + seen.nodejs_external_memory_bytes,
    inFlight: seen.upshift_requests_in_flight,
    lagMs: seen.nodejs_eventloop_lag_max_seconds * 1_000,
  }
}

/** How long each request lasted that the record closed because its caller took nothing, sorted. */
function cuts(upshift: Upshift): number[] {
  const log = join(upshift.home, 'log')
  const text = readdirSync(log)
    .map((name) => readFileSync(join(log, name), 'utf8'))
    .join('')
  const closed = text.matchAll(/"type":"closed"[^\n]*"code":"client_closed"[^\n]*"totalMs":(\d+)/g)
  return [...closed].map(([, ms]) => Number(ms)).sort((left, right) => left - right)
}

function timesOf({ requests, seconds, firstMs }: Pick<Slice, 'requests' | 'seconds' | 'firstMs'>) {
  return {
    perSecond: requests / seconds,
    p50Ms: quantile(firstMs, 0.5),
    p99Ms: quantile(firstMs, 0.99),
    longestMs: quantile(firstMs, 1),
  }
}

type Times = ReturnType<typeof timesOf>
interface Report {
  readonly alone: Times
  readonly idle: Idle
  readonly slow: Slow
  readonly faults: readonly string[]
}

function words({ alone, idle, slow, faults }: Report): string {
  const size = (one: Memory): string =>
    `${(one.rssBytes / MIB).toFixed(0)} MiB (${(one.usedBytes / MIB).toFixed(0)} in use)`
  const times = (one: Times): string =>
    `${one.perSecond.toFixed(0)} requests/s, p50 ${one.p50Ms.toFixed(2)} ms, p99 ${one.p99Ms.toFixed(2)} ms, longest ${one.longestMs.toFixed(0)} ms`
  const lines = [
    `alone: ${times(alone)}`,
    `${idle.connected} idle connections`,
    `  resident before ${size(idle.before)}, with ${size(idle.held)}, after ${size(idle.after)}`,
    `  ${(idle.bytesEach / KIB).toFixed(1)} KiB each (bound ${IDLE_BYTES_MAX / KIB} KiB)`,
    `  the others meanwhile: ${times(idle.served)}`,
    `${slowCount} readers of a long stream who take nothing`,
    `  resident before ${size(slow.before)}, all waiting ${size(slow.stalled)}, at most ${size(slow.peak)}, after ${size(slow.after)}`,
    `  ${(slow.bytesEach / KIB).toFixed(0)} KiB in use each (bound ${SLOW_BYTES_MAX / KIB} KiB), ` +
      `${(slow.peakBytesEach / KIB).toFixed(0)} KiB resident with what is not yet collected (bound ${PEAK_BYTES_MAX / KIB} KiB)`,
    `  ${slow.cut} were cut off, after ${slow.cutAfterMs.median} ms in the middle and ${slow.cutAfterMs.longest} ms at most,`,
    `  of which ${SLOW_READER_MS} ms are server.slowReaderMs and the rest is the kernel's buffers filling`,
    `  the others meanwhile: ${times(slow.served)}; the event loop was late by ${slow.lagMs.toFixed(0)} ms at most`,
    ...faults.map((fault) => `FAULT: ${fault}`),
  ]
  return `${lines.join('\n')}\n`
}

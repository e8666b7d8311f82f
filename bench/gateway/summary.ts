import { LONG_CHINESE, MAIN_BODY } from './cases.ts'
import type { ColdStart } from './cold-start.ts'
import { compared, type Measured, type Row } from './measure.ts'
import type { Name } from './targets.ts'

/** What a run has seen, and the figures and gates that follow from it. */
export interface Run {
  readonly rows: readonly Row[]
  /** Bytes resident at most: up to the end of the main row, and of the whole run. */
  readonly peaks: Readonly<Partial<Record<Name, { readonly mainRow: number; readonly wholeRun: number }>>>
  readonly coldStart: ColdStart | undefined
}

export interface Gate {
  readonly name: string
  readonly value: number | null
  readonly bound: string
  /** Null where it could not be measured. */
  readonly met: boolean | null
}

const MIB = 1_048_576

/** What `--json` shows of each way to the engine: the 4 KB row. Times are milliseconds; null: not measured. */
export function figuresOf(run: Run, name: Name) {
  const json = (connections: number, pick: (one: Measured) => number | null): number | null => {
    const seen = find(run, 'json', connections)?.medians[name]
    return seen === undefined ? null : pick(seen)
  }
  const each = (pick: (one: Measured) => number | null) => ({
    c1: json(1, pick),
    c16: json(16, pick),
    c64: json(64, pick),
  })
  const burst = find(run, 'burst', 16)?.medians[name]
  const paced = find(run, 'paced', 16)?.medians[name]
  const peak = run.peaks[name]
  return {
    rps: each((one) => one.perSecond),
    p50Ms: each((one) => one.p50Ms),
    p95Ms: each((one) => one.p95Ms),
    p99Ms: each((one) => one.p99Ms),
    cpuUs: each((one) => one.cpuUs),
    loopP99Ms: each((one) => one.loopP99Ms),
    streamsPerSecond: burst?.perSecond ?? null,
    streamCpuUs: burst?.cpuUs ?? null,
    firstTokenMs: paced?.firstMs ?? null,
    addedTtftMs: addedTtftMs(run, name),
    peakRssMiB: peak === undefined ? null : peak.mainRow / MIB,
    peakRssWholeRunMiB: peak === undefined ? null : peak.wholeRun / MIB,
  }
}

/**
 * `upshift` by the others on the 4 KB row, each the median over the rounds of what one round showed. Those of CPU time
 * move the least where other processes share the cores.
 */
export function ratiosOf(run: Run) {
  const by =
    (kind: 'json' | 'burst', connections: number, pick: (one: Measured) => number) => (other: Name) =>
      compared(find(run, kind, connections), 'upshift', other, (left, right) => pick(left) / pick(right))
  const rps = (other: Name, connections: number) => by('json', connections, (one) => one.perSecond)(other)
  const cpu = (other: Name, connections: number) => by('json', connections, (one) => one.cpuUs)(other)
  const streams = by('burst', 16, (one) => one.perSecond)
  const streamCpu = by('burst', 16, (one) => one.cpuUs)
  const peak = (name: Name): number => run.peaks[name]?.mainRow ?? Number.NaN
  return {
    rpsVsPortkey1: rps('portkey', 1),
    rpsVsPortkey16: rps('portkey', 16),
    rpsVsPortkey64: rps('portkey', 64),
    rpsVsPortkeyOther16: rps('portkeyOther', 16),
    rpsVsPortkeyOther64: rps('portkeyOther', 64),
    rpsVsProxy1: rps('proxy', 1),
    rpsVsProxy16: rps('proxy', 16),
    rpsVsProxy64: rps('proxy', 64),
    cpuVsPortkey16: cpu('portkey', 16),
    cpuVsPortkey64: cpu('portkey', 64),
    cpuVsProxy16: cpu('proxy', 16),
    cpuVsProxy64: cpu('proxy', 64),
    streamsVsPortkey: streams('portkey'),
    streamsVsPortkeyOther: streams('portkeyOther'),
    streamsVsProxy: streams('proxy'),
    streamCpuVsPortkey: streamCpu('portkey'),
    streamCpuVsProxy: streamCpu('proxy'),
    addedTtftMs: addedTtftMs(run, 'upshift'),
    addedTtftMsPortkey: addedTtftMs(run, 'portkey'),
    addedTtftMsProxy: addedTtftMs(run, 'proxy'),
    rssVsPortkey: orNull(peak('upshift') / peak('portkey')),
    rssVsPortkeyOther: orNull(peak('upshift') / peak('portkeyOther')),
    rssVsProxy: orNull(peak('upshift') / peak('proxy')),
    loopP99MsLongChinese: longChineseLoopMs(run),
  }
}

export function gatesOf(run: Run): readonly Gate[] {
  const ratio = ratiosOf(run)
  const gates = [
    atLeast('4 KB, 16 connections: requests/s by Portkey’s', ratio.rpsVsPortkey16, 8),
    atLeast('4 KB, 64 connections: requests/s by Portkey’s', ratio.rpsVsPortkey64, 8),
    atLeast('4 KB, 16 connections: requests/s by the bare proxy’s', ratio.rpsVsProxy16, 0.4),
    atLeast('4 KB, 64 connections: requests/s by the bare proxy’s', ratio.rpsVsProxy64, 0.4),
    atMost('4 KB, 16 streams: ms added to the first token, median', ratio.addedTtftMs, 1),
    atLeast('4 KB, 16 connections: streams/s by Portkey’s', ratio.streamsVsPortkey, 5),
    atMost('4 KB: peak resident memory by Portkey’s', ratio.rssVsPortkey, 1),
    atMost('32 KB Chinese: ms the event loop is late at most, p99', ratio.loopP99MsLongChinese, 10),
  ]
  const start = run.coldStart
  if (start === undefined) return gates
  return [...gates, atMost(`start over ${start.entries} entries, ms`, start.rebuiltMs, 5_000)]
}

function atLeast(name: string, value: number | null, bound: number): Gate {
  return { name, value, bound: `≥ ${bound}`, met: value === null ? null : value >= bound }
}

function atMost(name: string, value: number | null, bound: number): Gate {
  return { name, value, bound: `≤ ${bound}`, met: value === null ? null : value <= bound }
}

function addedTtftMs(run: Run, name: Name): number | null {
  return compared(find(run, 'paced', 16), name, 'direct', (one, direct) => one.firstMs - direct.firstMs)
}

/** The worst of the connection counts. */
function longChineseLoopMs(run: Run): number | null {
  const seen = run.rows
    .filter(({ case: one }) => one.body === LONG_CHINESE)
    .flatMap(({ medians }) => medians.upshift?.loopP99Ms ?? [])
  return seen.length === 0 ? null : Math.max(...seen)
}

function find(run: Run, kind: Row['case']['kind'], connections: number): Row | undefined {
  return run.rows.find(
    ({ case: one }) => one.body === MAIN_BODY && one.kind === kind && one.connections === connections,
  )
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}

import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ExitCode } from '../src/contract/verb.ts'
import { type Case, casesOf, isMain, WARM_UP } from './gateway/cases.ts'
import { type ColdStart, measureColdStart } from './gateway/cold-start.ts'
import { measureCase, type Pace, type Row } from './gateway/measure.ts'
import { machineTicks, peakRssBytes, stolenShare } from './gateway/measured.ts'
import { installPortkey, PORTKEY_VERSION } from './gateway/portkey.ts'
import { figuresOf, type Gate, gatesOf, type Run, ratiosOf } from './gateway/summary.ts'
import {
  directTarget,
  forkGatewayEngine,
  type Name,
  startMeasuredUpshift,
  startPortkeys,
  startProxy,
  type Target,
} from './gateway/targets.ts'
import { UsedMemory } from './gateway/used-memory.ts'
import { tables } from './gateway/words.ts'
import type { ForkedEngine } from './process/children.ts'
import { profiledThreads, selfTimes } from './process/profile.ts'

/**
 * Upshift beside another gateway: `npm run bench:gateway [-- --quick --json --profile --fresh-memory]`.
 *
 * DESIGN. Four ways to one engine that answers at once: straight, through a bare undici-dispatch proxy, through
 * Upshift as a user starts it (record, ledger, vault and guards on, a key with every limit, a model with a price),
 * and through Portkey 1.15.2, which is installed on demand into a cache folder outside the project
 * (`$XDG_CACHE_HOME` or `~/.cache`, `upshift-bench/`) and started under the pinned Node and under the machine's own.
 * The gates compare with Portkey under the machine's own Node, as a user starts it; `portkeyOther` is the same program under
 * Upshift's pinned Node, on the main row alone: on Node 26 it is about twice as fast as on Node 20, and larger.
 *
 * - Each way is a process of its own, as is the engine; the load comes from here, one request in flight on each
 *   connection. Client and engine are raw sockets, and cost about 15 µs a request together with 10: the target is what
 *   is busy. Where it is not, and the client is, the row says so: `busy` is the share of one core that was used.
 * - Nothing is pinned to a core. Tried on two, target on one and client and engine on the other, 64 connections: the
 *   bare proxy made 29,000–31,000 requests a second free and 25,000–33,000 pinned, Upshift 8,000–10,000 either way,
 *   less than the rounds differ; and pinned, Upshift's other threads would share their main thread's core.
 * - The targets take turns within a round, each round beginning with another one; a figure is the median of the rounds,
 *   and a ratio the median of the rounds' ratios, so that what else the machine does falls on all alike.
 * - Before each slice memory is used and set free again (gateway/used-memory.ts; not with `--fresh-memory`), so that no
 *   figure depends on how much of its memory a virtual machine happens to have got from its host. Upshift is started
 *   for the second time, as a user's is after the first: Node has in its cache what it compiled.
 * - CPU is the process's user and system time, all threads (/proc/PID/stat); memory is VmHWM; the loop's delay is a
 *   millisecond timer's lateness inside the process (gateway/probe.mjs). Linux only.
 * - The time to the first token is taken on paced streams, which saturate nothing, against the direct way's in the
 *   same round. `streams/s` are bursts: every event an HTTP chunk of its own, all in one write.
 *
 * Exit codes: 0 every gate is met, 3 one is missed, 4 one could not be measured (Portkey could not be installed or
 * started, or `--no-start`), 1 anything else. Progress goes to stderr.
 */
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** Entries of the log that the cold start is measured over. */
    records: { type: 'string', default: '1000000' },
    'no-start': { type: 'boolean', default: false },
    /** Only rows whose words hold this: `4 KB, 16`. */
    only: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    /** As a machine that has just started has it: gateway/used-memory.ts. */
    'fresh-memory': { type: 'boolean', default: false },
  },
})
const RECORDS_MAX = 20_000_000
const PROFILE_TOP = 25
const FULL: Pace = { rounds: 3, sliceMs: 1_000, warmUpMs: 400 }
const FULL_MAIN: Pace = { rounds: 5, sliceMs: 1_200, warmUpMs: 1_000 }
const QUICK: Pace = { rounds: 3, sliceMs: 500, warmUpMs: 250 }
/** Before anything counts, so that the first case does not meet code that is not compiled yet. */
const WARM_UP_PACE: Pace = { rounds: 1, sliceMs: 100, warmUpMs: values.quick ? 3_000 : 6_000 }
const QUICK_MAIN: Pace = { rounds: 3, sliceMs: 700, warmUpMs: 600 }

const begun = performance.now()
const folder = mkdtempSync(join(tmpdir(), 'upshift-gateway-'))
const memory = new UsedMemory(folder)
try {
  process.exitCode = await main()
} finally {
  rmSync(folder, { recursive: true })
}

function progress(text: string): void {
  process.stderr.write(`${((performance.now() - begun) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)
}

async function main(): Promise<ExitCode> {
  const before = machineTicks()
  // First, while nothing else runs: the log is written and read at full speed.
  const coldStart = values['no-start'] ? undefined : await longStart()
  const { rows, peaks, portkey } = await measureAll()
  const run: Run = { rows, peaks, coldStart }
  const gates = gatesOf(run)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    portkeyNodes: portkey.nodes,
    stolenShare: stolenShare(before, machineTicks()),
    pageUs: memory.pageUs,
    seconds: (performance.now() - begun) / 1_000,
  }
  if (values.json)
    process.stdout.write(`${JSON.stringify(reportOf(run, gates, portkey, machine), null, 2)}\n`)
  else {
    const { cpu, cores, node, stolenShare: stolen } = machine
    process.stdout.write(`${cores} × ${cpu}, Node ${node}, nothing pinned to a core; `)
    process.stdout.write(`${(100 * stolen).toFixed(1)} % of the time was taken by the machine's host\n`)
    process.stdout.write(`${memoryWords()}\n`)
    process.stdout.write(`portkey runs under ${portkey.nodes[0] ?? '(nothing)'}, `)
    process.stdout.write(`portkeyOther under ${portkey.nodes[1] ?? '(nothing)'}\n`)
    process.stdout.write(`Portkey's tree: ${portkey.tree.join(' ')}\n${tables(run, gates)}`)
  }
  if (gates.some(({ met }) => met === false)) return 3
  return gates.some(({ met }) => met === null) || coldStart === undefined ? 4 : 0
}

function memoryWords(): string {
  const { pageUs } = memory
  if (pageUs === null) return 'memory as the machine had it, used or fresh'
  const { least, most } = pageUs
  return `memory used before each slice: a page of it took ${least.toFixed(1)} µs at least, ${most.toFixed(1)} µs at most`
}

function reportOf(run: Run, gates: readonly Gate[], { nodes, tree }: PortkeyFacts, machine: object) {
  const { coldStart, rows } = run
  const portkeyOf = (name: Name, node: string | undefined) =>
    node === undefined ? null : { version: PORTKEY_VERSION, node, ...figuresOf(run, name) }
  return {
    upshift: { ...figuresOf(run, 'upshift'), coldStart: coldStart ?? null },
    portkey: portkeyOf('portkey', nodes[0]),
    portkeyOther: portkeyOf('portkeyOther', nodes[1]),
    proxy: figuresOf(run, 'proxy'),
    direct: figuresOf(run, 'direct'),
    ratio: ratiosOf(run),
    gates,
    machine,
    portkeyTree: tree,
    rows,
  }
}

function longStart(): Promise<ColdStart> {
  const records = Math.min(Number(values.records), RECORDS_MAX)
  progress(`a start over a log of ${records} entries`)
  return measureColdStart(join(folder, 'long'), records)
}

interface PortkeyFacts {
  /** The Node that each of its targets runs under, the machine's own first. */
  readonly nodes: readonly string[]
  readonly tree: readonly string[]
}

interface Measurement extends Pick<Run, 'rows' | 'peaks'> {
  readonly portkey: PortkeyFacts
}

async function measureAll(): Promise<Measurement> {
  await using stack = new AsyncDisposableStack()
  const engine = stack.use(await forkGatewayEngine())
  const portkey = await portkeysOrNone(engine)
  for (const one of portkey.targets) stack.use(one)
  const proxy = stack.use(await startProxy(engine, folder))
  const profile = join(folder, 'profile')
  const profiling = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
  const upshift = stack.use(await startMeasuredUpshift(engine, folder, profiling))
  const targets: readonly Target[] = [directTarget(engine), proxy, upshift, ...portkey.targets]
  const cases = casesOf(values.quick).filter((one) => wordsOf(one).includes(values.only))
  progress('warming up')
  for (const one of WARM_UP) await measureCase(one, targets, engine.pid, WARM_UP_PACE, beforeSlice)
  const { rows, mainRow } = await measureCases(cases, targets, engine.pid)
  const peaks = targets.map(({ name, pid }) => {
    const wholeRun = peakRssBytes(pid)
    return [name, { mainRow: mainRow.get(name) ?? wholeRun, wholeRun }] as const
  })
  if (values.profile) {
    await upshift.stop()
    printProfile(profile)
  }
  const { nodes, tree } = portkey
  return { rows, peaks: Object.fromEntries(peaks), portkey: { nodes, tree } }
}

async function measureCases(cases: readonly Case[], targets: readonly Target[], enginePid: number) {
  const rows: Row[] = []
  const mainRow = new Map<Name, number>()
  for (const one of cases) {
    progress(wordsOf(one))
    // The slower Portkey is there for the main row alone.
    const asked = isMain(one) ? targets : targets.filter(({ name }) => name !== 'portkeyOther')
    rows.push(await measureCase(one, asked, enginePid, paceOf(one), beforeSlice))
    if (isMain(one)) for (const { name, pid } of targets) mainRow.set(name, peakRssBytes(pid))
  }
  return { rows, mainRow }
}

function beforeSlice(): void {
  if (!values['fresh-memory']) memory.pass()
}

function wordsOf({ body, connections, kind }: Case): string {
  return `${body.name}, ${connections} connections, ${kind}`
}

function paceOf(one: Case): Pace {
  if (isMain(one)) return values.quick ? QUICK_MAIN : FULL_MAIN
  return values.quick ? QUICK : FULL
}

/** Without it the run goes on, says so, and ends as inconclusive. */
async function portkeysOrNone(engine: ForkedEngine) {
  try {
    const installed = await installPortkey(progress)
    const targets = await startPortkeys(installed, engine, folder, progress)
    return { targets, nodes: targets.map(({ node }) => node), tree: installed.tree }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    progress(`WITHOUT PORTKEY, so nothing is said about it: ${why}`)
    return { targets: [], nodes: [], tree: [] }
  }
}

function printProfile(profile: string): void {
  for (const thread of profiledThreads(profile)) {
    const times = selfTimes(profile, undefined, thread)
    const busyMs = times.reduce((sum, { selfMs }) => sum + selfMs, 0)
    process.stderr.write(`Upshift's thread ${thread} was busy for ${busyMs.toFixed(0)} ms\n`)
    for (const { place, selfMs, share } of times.slice(0, PROFILE_TOP))
      process.stderr.write(
        `${(100 * share).toFixed(1).padStart(6)} %  ${selfMs.toFixed(0).padStart(6)} ms  ${place}\n`,
      )
  }
}

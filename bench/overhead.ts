import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chatBody, chatRequest } from './process/chat.ts'
import { type BareProxy, forkBareProxy, forkUpstream } from './process/children.ts'
import { load, median, quantile, type Slice } from './process/load.ts'
import { readMetrics } from './process/metrics.ts'
import { selfTimes } from './process/profile.ts'
import { startUpshift, type Upshift } from './process/upshift.ts'

/**
 * What Upshift costs on top of a request: `npm run bench:overhead [-- --rounds 5 --slice-ms 600 --json]`, and with
 * `--profile` where the time goes; `--only stream:16` takes one of the four cases.
 *
 * DESIGN. Three ways to one scripted engine: straight, through a bare undici-dispatch proxy, and through
 * Upshift as a user starts it (record and guards on). Each is its own process, as is the engine; the load comes
 * from here. Where all of them share few cores, requests a second depend on all of them, so the CPU time that
 * the proxy itself used stands beside it. The three are measured in turn within each round and compared within
 * it, and the median of the rounds counts: what else the machine does then falls on all of them alike.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    'slice-ms': { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
})
const ROUNDS_MAX = 50
const SLICE_MS_MAX = 10_000
const WARM_UP_MS = 1_000
const BODY_BYTES = 4_096
const TOP = 15

const rounds = Math.min(Number(values.rounds), ROUNDS_MAX)
const sliceMs = Math.min(Number(values['slice-ms']), SLICE_MS_MAX)

interface Way {
  readonly name: 'direct' | 'bare' | 'upshift'
  readonly port: number
  /** CPU seconds that the proxy's process has used; undefined where there is no proxy. */
  cpuSeconds(): Promise<number | undefined>
}

interface Measured {
  readonly requestsPerSecond: number
  readonly cpuUs: number | undefined
  readonly firstMs: number
  readonly firstMsP99: number
}

interface Row {
  readonly kind: 'json' | 'stream'
  readonly connections: number
  readonly ways: Readonly<Record<Way['name'], Measured>>
  /** Upshift's requests a second by the bare proxy's: the median of the rounds, and the best of them. */
  readonly ratio: number
  readonly bestRatio: number
}

const CASES = [
  { kind: 'json', connections: 1 },
  { kind: 'json', connections: 16 },
  { kind: 'stream', connections: 1 },
  { kind: 'stream', connections: 16 },
] as const

const folder = mkdtempSync(join(tmpdir(), 'upshift-overhead-'))
try {
  await run()
} finally {
  rmSync(folder, { recursive: true })
}

async function run(): Promise<void> {
  await using upstream = await forkUpstream()
  await using bare = await forkBareProxy(upstream.url)
  const nodeFlags = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${join(folder, 'profile')}`] : []
  await using upshift = await startUpshift({ folder, engine: upstream.url, nodeFlags })
  const ways = waysTo(upstream.url, bare, upshift)
  const rows: Row[] = []
  const wanted = CASES.filter((one) => values.only === '' || values.only === `${one.kind}:${one.connections}`)
  for (const one of wanted) rows.push(await measure(ways, upshift.key, one.kind, one.connections))
  if (values.json) process.stdout.write(`${JSON.stringify({ rounds, sliceMs, rows }, null, 2)}\n`)
  else process.stdout.write(table(rows))
  if (values.profile) await printProfile(upshift)
}

function waysTo(upstream: string, bare: BareProxy, upshift: Upshift): readonly Way[] {
  return [
    { name: 'direct', port: Number(new URL(upstream).port), cpuSeconds: async () => undefined },
    { name: 'bare', port: bare.port, cpuSeconds: () => bare.cpuSeconds() },
    {
      name: 'upshift',
      port: upshift.port,
      cpuSeconds: async () =>
        (await readMetrics(upshift.port, 'process_cpu_seconds_total')).process_cpu_seconds_total,
    },
  ]
}

async function measure(
  ways: readonly Way[],
  key: string,
  kind: Row['kind'],
  connections: number,
): Promise<Row> {
  const request = chatRequest(key, chatBody('events=50', kind === 'stream', BODY_BYTES - 200))
  for (const way of ways) await load(way.port, request, connections, WARM_UP_MS)
  const seen: Record<Way['name'], Measured[]> = { direct: [], bare: [], upshift: [] }
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const before = await way.cpuSeconds()
      const slice = await load(way.port, request, connections, sliceMs)
      seen[way.name].push(measured(slice, before, await way.cpuSeconds()))
    }
  }
  const ratios = seen.upshift.map(
    (one, round) => one.requestsPerSecond / (seen.bare[round]?.requestsPerSecond ?? Number.NaN),
  )
  return {
    kind,
    connections,
    ways: { direct: middle(seen.direct), bare: middle(seen.bare), upshift: middle(seen.upshift) },
    ratio: median(ratios),
    bestRatio: Math.max(...ratios),
  }
}

function measured(slice: Slice, before: number | undefined, after: number | undefined): Measured {
  return {
    requestsPerSecond: slice.requests / slice.seconds,
    cpuUs:
      before === undefined || after === undefined ? undefined : ((after - before) * 1e6) / slice.requests,
    firstMs: quantile(slice.firstMs, 0.5),
    firstMsP99: quantile(slice.firstMs, 0.99),
  }
}

function middle(all: readonly Measured[]): Measured {
  const cpu = all.flatMap((one) => (one.cpuUs === undefined ? [] : [one.cpuUs]))
  return {
    requestsPerSecond: median(all.map((one) => one.requestsPerSecond)),
    cpuUs: cpu.length === 0 ? undefined : median(cpu),
    firstMs: median(all.map((one) => one.firstMs)),
    firstMsP99: median(all.map((one) => one.firstMsP99)),
  }
}

function table(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ kind, connections, ways, ratio, bestRatio }) => {
    const { direct, bare, upshift } = ways
    const line = (name: string, one: Measured): string =>
      `  ${name.padEnd(8)} ${one.requestsPerSecond.toFixed(0).padStart(7)} /s   ${
        one.cpuUs === undefined ? '     -' : one.cpuUs.toFixed(0).padStart(6)
      } µs CPU   first byte ${one.firstMs.toFixed(2)} ms, p99 ${one.firstMsP99.toFixed(2)} ms`
    return [
      `${kind === 'json' ? 'JSON' : 'stream of 50 events'}, ${connections} connection${connections === 1 ? '' : 's'}`,
      line('direct', direct),
      line('bare', bare),
      line('upshift', upshift),
      `  upshift / bare: ${(100 * ratio).toFixed(0)} % of the requests a second (best round ${(100 * bestRatio).toFixed(0)} %), ` +
        `+${(upshift.firstMs - bare.firstMs).toFixed(2)} ms to the first byte`,
    ]
  })
  return `bodies of ${BODY_BYTES} bytes; median of ${rounds} rounds of ${sliceMs} ms\n${lines.join('\n')}\n`
}

async function printProfile(upshift: Upshift): Promise<void> {
  upshift.child.kill('SIGTERM')
  await upshift.ended
  const profile = join(folder, 'profile')
  const print = (title: string, fits: (url: string) => boolean): void => {
    process.stdout.write(`\n${title}\n`)
    for (const { place, selfMs, share } of selfTimes(profile, fits).slice(0, TOP))
      process.stdout.write(
        `  ${(100 * share).toFixed(1).padStart(5)} %  ${selfMs.toFixed(0).padStart(6)} ms  ${place}\n`,
      )
  }
  print('Self time: our functions', (url) => url.startsWith('src/'))
  print('Self time: everything', () => true)
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { postRequest } from './process/chat.ts'
import { forkUpstream } from './process/children.ts'
import { load, median } from './process/load.ts'
import { readMetrics } from './process/metrics.ts'
import { selfTimes } from './process/profile.ts'
import { measureRescueScan, type ScanCost } from './process/rescue-scan.ts'
import { startUpshift, type Upshift } from './process/upshift.ts'

/**
 * What each dialect costs beside Chat Completions, and what the search for printed tool calls costs a stream that has
 * none: `npm run bench:dialects [-- --rounds 5 --slice-ms 600 --json]`; `--profile "Messages"` says where the time of
 * one of them goes. The code is 1 where a bound is missed.
 *
 * DESIGN. One server as a user starts it and one scripted engine, which speaks Chat Completions and Messages. The same
 * words in and out in every dialect, one after the other within each round; what counts is the CPU time of the
 * server's process for a request, by that of Chat Completions in the same round, and of these the median.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    'slice-ms': { type: 'string', default: '600' },
    json: { type: 'boolean', default: false },
    profile: { type: 'string', default: '' },
  },
})
const ROUNDS_MAX = 50
const SLICE_MS_MAX = 10_000
const WARM_UP_MS = 1_000
const CONNECTIONS = 4
const EVENTS = 50
const PADDING = 'lorem ipsum '.repeat(320)
/** A request of another dialect may cost so many times one of Chat Completions. */
const TIMES_MAX = 2
/** The search may take so much of a stream's CPU time. */
const SHARE_MAX = 0.1
const TOP = 30

const rounds = Math.min(Number(values.rounds), ROUNDS_MAX)
const sliceMs = Math.min(Number(values['slice-ms']), SLICE_MS_MAX)

interface Dialect {
  readonly name: string
  readonly path: string
  body(stream: boolean): object
}

const WORDS = `events=${EVENTS}`
const message = (model: string) => (stream: boolean) => {
  return { model, stream, max_tokens: 1_000, system: PADDING, messages: [{ role: 'user', content: WORDS }] }
}

const CHAT: Dialect = {
  name: 'Chat Completions',
  path: '/v1/chat/completions',
  body: (stream) => ({
    model: 'scripted/small',
    stream,
    messages: [
      { role: 'system', content: PADDING },
      { role: 'user', content: WORDS },
    ],
  }),
}

const OTHERS: readonly Dialect[] = [
  {
    name: 'Responses',
    path: '/v1/responses',
    body: (stream) => ({ model: 'scripted/small', stream, instructions: PADDING, input: WORDS }),
  },
  { name: 'Messages', path: '/v1/messages', body: message('scripted/small') },
  { name: 'Messages, in and out', path: '/v1/messages', body: message('native/small') },
]

interface Row {
  readonly dialect: string
  readonly stream: boolean
  /** Microseconds of the server's CPU a request. */
  readonly cpuUs: number
  /** By that of Chat Completions. */
  readonly times: number
}

const folder = mkdtempSync(join(tmpdir(), 'upshift-dialects-'))
try {
  await run()
} finally {
  rmSync(folder, { recursive: true })
}

async function run(): Promise<void> {
  await using upstream = await forkUpstream()
  const engine = (kind: string) => ({
    kind,
    url: upstream.url,
    models: [{ name: 'small', tier: 'fast' }],
    maxConcurrent: 1_024,
  })
  const engines = { scripted: engine('openai-compatible'), native: engine('anthropic') }
  const nodeFlags = values.profile === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(folder, 'profile')}`]
  const sections = { fleet: { discover: false, engines } }
  await using upshift = await startUpshift({ folder, sections, nodeFlags })
  if (values.profile !== '') return profile(upshift)
  const rows = [...(await measure(upshift, false)), ...(await measure(upshift, true))]
  const scan = await measureRescueScan(upshift, sliceMs, rounds)
  const met = rows.every(({ times }) => times <= TIMES_MAX) && scan.share <= SHARE_MAX
  const bounds = { timesMax: TIMES_MAX, shareMax: SHARE_MAX, met }
  if (values.json)
    process.stdout.write(`${JSON.stringify({ rounds, sliceMs, rows, scan, bounds }, null, 2)}\n`)
  else process.stdout.write(table(rows, scan, met))
  if (!met) process.exitCode = 1
}

async function measure(upshift: Upshift, stream: boolean): Promise<readonly Row[]> {
  const all = [CHAT, ...OTHERS].map((dialect) => ({
    name: dialect.name,
    request: postRequest(dialect.path, upshift.key, dialect.body(stream)),
    cpuUs: [] as number[],
    times: [] as number[],
  }))
  for (const { request } of all) await load(upshift.port, request, CONNECTIONS, WARM_UP_MS)
  for (let round = 0; round < rounds; round++) {
    let chat = Number.NaN
    for (const one of all) {
      const cpuUs = await cpuOf(upshift, one.request)
      if (one.name === CHAT.name) chat = cpuUs
      one.cpuUs.push(cpuUs)
      one.times.push(cpuUs / chat)
    }
  }
  return all.map(({ name, cpuUs, times }) => {
    return { dialect: name, stream, cpuUs: median(cpuUs), times: median(times) }
  })
}

async function cpuOf({ port }: Upshift, request: string): Promise<number> {
  const before = await cpuSeconds(port)
  const { requests } = await load(port, request, CONNECTIONS, sliceMs)
  return (((await cpuSeconds(port)) - before) * 1e6) / requests
}

async function cpuSeconds(port: number): Promise<number> {
  return (await readMetrics(port, 'process_cpu_seconds_total')).process_cpu_seconds_total
}

function table(rows: readonly Row[], scan: ScanCost, met: boolean): string {
  const lines = rows.map(({ dialect, stream, cpuUs, times }) => {
    const form = stream ? `stream of ${EVENTS} events` : 'whole'
    return `  ${form.padEnd(20)} ${dialect.padEnd(22)} ${cpuUs.toFixed(0).padStart(5)} µs CPU   ${times.toFixed(2)} ×`
  })
  const share = `${(100 * scan.share).toFixed(1)} %`
  return [
    `CPU of the server for a request of 4 KB, by that of Chat Completions (at most ${TIMES_MAX} ×); median of ${rounds} rounds of ${sliceMs} ms`,
    ...lines,
    `Search for printed tool calls, ${scan.events} events, none in them: ${scan.scanUs.toFixed(1)} µs of ${scan.requestUs.toFixed(0)} µs, ${share} (at most ${100 * SHARE_MAX} %)`,
    met ? 'All bounds are met.\n' : 'A bound is missed.\n',
  ].join('\n')
}

async function profile(upshift: Upshift): Promise<void> {
  const dialect = [CHAT, ...OTHERS].find(({ name }) => name === values.profile)
  if (dialect === undefined) throw new Error(`There is no dialect ${JSON.stringify(values.profile)} here.`)
  const request = postRequest(dialect.path, upshift.key, dialect.body(true))
  await load(upshift.port, request, CONNECTIONS, WARM_UP_MS + rounds * sliceMs)
  upshift.child.kill('SIGTERM')
  await upshift.ended
  for (const { place, selfMs, share } of selfTimes(join(folder, 'profile'), () => true).slice(0, TOP)) {
    process.stdout.write(
      `${(100 * share).toFixed(1).padStart(5)} %  ${selfMs.toFixed(0).padStart(6)} ms  ${place}\n`,
    )
  }
}

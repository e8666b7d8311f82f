import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultThreads } from '../src/engine/llama/memory.ts'
import {
  beginLoopDelay,
  busySeconds,
  endLoopDelay,
  type LoopDelay,
  machineTicks,
  probeFlags,
  stolenShare,
} from './gateway/measured.ts'
import { firstToken, forkBare, ours, type Server, type Way } from './llama/ways.ts'
import { median } from './process/load.ts'
import { placeModel } from './process/model.ts'
import { startUpshift } from './process/upshift.ts'

/**
 * A local model through the whole server beside node-llama-cpp called bare: `npm run bench:llama [-- --quick --json]`.
 *
 * DESIGN. A generated model of 25 million parameters, with the same threads, context and sampling on both sides: here
 * a request over HTTP, streamed, with record, ledger, vault and guards on; there a process that does nothing with the
 * tokens. Both are loaded all the time, and one works at a time: they take turns in each round, and each round begins
 * with the other one. A ratio is the median of the rounds' ratios, so that what else the machine does falls on both.
 * - tokens a second, all sequences together, from the first prompt to the last token: at least SPEED_SHARE_MIN of bare;
 * - a conversation whose first turn has a system prompt of 600 tokens: its second turn's first token comes in at most
 *   SECOND_TURN_SHARE_MAX of the first one's time, because the sequence still holds what was read;
 * - the gateway's own event loop meanwhile: at most LOOP_P99_MS_MAX late, 99 times of 100.
 * Exit codes: 0 every gate is met, 3 one is missed, 4 one could not be measured, 1 anything else.
 */
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
const SPEED_SHARE_MIN = 0.95
const SECOND_TURN_SHARE_MAX = 0.25
const LOOP_P99_MS_MAX = 10
const SEQUENCES = [1, 2, 4]
const ROUNDS = values.quick ? 3 : 9
const TOKENS = values.quick ? 100 : 200
const TURNS = values.quick ? 3 : 7
const MODEL = {
  layers: 7,
  embedding: 512,
  heads: 8,
  kvHeads: 4,
  feedForward: 1_408,
  padding: 4_000,
  contextTokens: 8_192,
  endBias: -8,
}
const CONTEXT_TOKENS = 2_048
const PARALLEL = 4
const THREADS = defaultThreads()
/** Of five tokens each. */
const SYSTEM_WORDS = 120
const FLOAT_BYTES = 4
/** Questions so far. */
let asked = 0

const folder = mkdtempSync(join(tmpdir(), 'upshift-llama-'))
try {
  process.exitCode = await run()
} finally {
  rmSync(folder, { recursive: true })
}

interface Row {
  readonly sequences: number
  /** Tokens a second at the median. */
  readonly ours: number
  readonly bare: number
  readonly ratio: number
  readonly ratioLow: number
  readonly ratioHigh: number
}

interface Turns {
  readonly firstMs: number
  readonly secondMs: number
  readonly ratio: number
  readonly sharedTokens: number
}

interface Gate {
  readonly name: string
  readonly value: number
  readonly bound: string
  readonly met: boolean
}

async function run(): Promise<0 | 3 | 4> {
  const path = placeModel(folder, 'm', MODEL)
  const parameters = statSync(path).size / FLOAT_BYTES
  const probe = join(folder, 'probe.sock')
  const llama = { contextTokens: CONTEXT_TOKENS, parallel: PARALLEL, spareSlots: 0, threads: THREADS }
  await using upshift = await startUpshift({ folder, sections: { llama }, nodeFlags: probeFlags(probe) })
  const load = { path, threads: THREADS, contextTokens: CONTEXT_TOKENS, sequences: PARALLEL }
  await using bare = await forkBare(load).catch(unmeasured)
  const before = machineTicks()
  const begun = performance.now()
  const way = ours(upshift, 'm')
  const ways = bare === undefined ? [way] : [way, bare]
  for (const one of ways) await one.run(prompts(PARALLEL), TOKENS / 2, 0)
  await beginLoopDelay(probe)
  const rows: Row[] = []
  if (bare !== undefined) for (const sequences of SEQUENCES) rows.push(await speed(way, bare, sequences))
  const turns = await conversations(upshift)
  const loop = await endLoopDelay(probe)
  const after = machineTicks()
  const seconds = (performance.now() - begun) / 1_000
  const gates = gatesOf(rows, turns, loop)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    busyCores: busySeconds(before, after) / seconds,
    stolenShare: stolenShare(before, after),
    seconds,
  }
  const report = { parameters, threads: THREADS, rows, turns, loop, gates, machine }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : table(report))
  if (gates.some(({ met }) => !met)) return 3
  return bare === undefined ? 4 : 0
}

/** Without it the run goes on, says so, and ends as inconclusive. */
function unmeasured(error: unknown): undefined {
  process.stderr.write(
    `WITHOUT node-llama-cpp alone: ${error instanceof Error ? error.message : String(error)}\n`,
  )
}

/** Each begins in another way, so that nobody finds it in a cache. */
function prompts(count: number): readonly string[] {
  return Array.from({ length: count }, () => `${asked++} hello world`)
}

async function speed(left: Way, right: Way, sequences: number): Promise<Row> {
  const perSecond = { ours: [] as number[], bare: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of round % 2 === 0 ? [left, right] : [right, left]) {
      const seconds = await way.run(prompts(sequences), TOKENS, round)
      perSecond[way.name].push((sequences * TOKENS) / seconds)
    }
    process.stderr.write(`${sequences} sequences, round ${round + 1} of ${ROUNDS}\n`)
  }
  const ratios = perSecond.ours.map((one, round) => one / (perSecond.bare[round] ?? Number.NaN))
  return {
    sequences,
    ours: median(perSecond.ours),
    bare: median(perSecond.bare),
    ratio: median(ratios),
    ratioLow: Math.min(...ratios),
    ratioHigh: Math.max(...ratios),
  }
}

async function conversations(server: Server): Promise<Turns> {
  const firstMs: number[] = []
  const secondMs: number[] = []
  const shared: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    const system = { role: 'system', content: `${asked++} ${'the city '.repeat(SYSTEM_WORDS)}` }
    const question = { role: 'user', content: 'hello world' }
    const first = await firstToken(server, 'm', [system, question])
    const answer = { role: 'assistant', content: first.text }
    const second = await firstToken(server, 'm', [
      system,
      question,
      answer,
      { role: 'user', content: 'and?' },
    ])
    firstMs.push(first.ms)
    secondMs.push(second.ms)
    shared.push(second.cachedTokens)
  }
  const ratios = secondMs.map((one, turn) => one / (firstMs[turn] ?? Number.NaN))
  return {
    firstMs: median(firstMs),
    secondMs: median(secondMs),
    ratio: median(ratios),
    sharedTokens: median(shared),
  }
}

function gatesOf(rows: readonly Row[], turns: Turns, loop: LoopDelay): readonly Gate[] {
  const speeds = rows.map(({ sequences, ratio }) => ({
    name: `tokens a second, ${sequences} at once, by bare`,
    value: ratio,
    bound: `≥ ${SPEED_SHARE_MIN}`,
    met: ratio >= SPEED_SHARE_MIN,
  }))
  return [
    ...speeds,
    {
      name: 'first token of a second turn, by the first',
      value: turns.ratio,
      bound: `≤ ${SECOND_TURN_SHARE_MAX}`,
      met: turns.ratio <= SECOND_TURN_SHARE_MAX,
    },
    {
      name: 'event loop of the gateway late, p99, ms',
      value: loop.p99Ms,
      bound: `≤ ${LOOP_P99_MS_MAX}`,
      met: loop.p99Ms <= LOOP_P99_MS_MAX,
    },
  ]
}

interface Report {
  readonly parameters: number
  readonly threads: number
  readonly rows: readonly Row[]
  readonly turns: Turns
  readonly loop: LoopDelay
  readonly gates: readonly Gate[]
  readonly machine: Readonly<Record<string, number | string>>
}

function table({ parameters, threads, rows, turns, loop, gates, machine }: Report): string {
  const { cpu, cores, node, busyCores, stolenShare: stolen } = machine
  const lines = [
    `${cores} × ${cpu}, Node ${node}; ${Number(busyCores).toFixed(1)} cores busy in all, ${(100 * Number(stolen)).toFixed(1)} % taken by the host`,
    `${(parameters / 1e6).toFixed(0)} M parameters in F32, ${threads} thread(s), context ${CONTEXT_TOKENS}`,
    '',
    'at once   ours tokens/s   bare tokens/s   ratio (lowest, highest round)',
    ...rows.map(
      (row) =>
        `${String(row.sequences).padStart(7)}${row.ours.toFixed(0).padStart(16)}${row.bare.toFixed(0).padStart(16)}   ${row.ratio.toFixed(3)} (${row.ratioLow.toFixed(2)}, ${row.ratioHigh.toFixed(2)})`,
    ),
    '',
    `first token: ${turns.firstMs.toFixed(0)} ms, in the second turn ${turns.secondMs.toFixed(0)} ms, ${turns.sharedTokens} tokens of it held`,
    `event loop late: p50 ${loop.p50Ms.toFixed(1)} ms, p99 ${loop.p99Ms.toFixed(1)} ms, at most ${loop.maxMs.toFixed(0)} ms`,
    '',
    ...gates.map(
      ({ name, value, bound, met }) => `${met ? 'met   ' : 'MISSED'} ${name}: ${value.toFixed(3)} (${bound})`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

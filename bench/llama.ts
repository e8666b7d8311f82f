import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultThreads } from '../src/engine/llama/memory.ts'
import { beginLoopDelay, endLoopDelay, probeFlags } from './gateway/measured.ts'
import { conversations, prompts, type Row, speed } from './llama/speed.ts'
import { gatesOf, table } from './llama/summary.ts'
import { Watch } from './llama/watch.ts'
import { forkBare, ours } from './llama/ways.ts'
import { placeModel } from './process/model.ts'
import { startUpshift } from './process/upshift.ts'

/**
 * A local model through the whole server beside node-llama-cpp called bare: `npm run bench:llama [-- --quick --json]`.
 *
 * DESIGN. A generated model of 25 million parameters, with the same threads, context and sampling on both sides: here
 * a request over HTTP, streamed, with record, ledger, vault and guards on; there a process that does nothing with the
 * tokens. Both are loaded all the time, and one works at a time: they take turns in each round, and each round begins
 * with the other one. A ratio is the median of the rounds' ratios, so that what else the machine does falls on both.
 * - tokens a second, all sequences together, from the first prompt to the last token: at least 95 % of bare;
 * - a conversation whose first turn has a system prompt of 600 tokens: its second turn's first token comes in at most
 *   25 % of the first one's time, because the sequence still holds what was read;
 * - the gateway's own event loop meanwhile: at most 10 ms late, 99 times of 100.
 * The CPU time of the process that has the model says the same where the machine is busy with other things. A gate
 * that is missed while others use more than 0.3 cores counts as not measured. Linux only: it reads /proc.
 * Exit codes: 0 every gate is met, 3 one is missed, 4 one could not be measured, 1 anything else.
 */
const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
})
const SEQUENCES = [1, 2, 4]
const PACE = values.quick ? { rounds: 5, tokens: 100 } : { rounds: 11, tokens: 150 }
const CONVERSATIONS = values.quick ? 3 : 7
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

const folder = mkdtempSync(join(tmpdir(), 'upshift-llama-'))
try {
  process.exitCode = await run()
} finally {
  rmSync(folder, { recursive: true })
}

async function run(): Promise<0 | 3 | 4> {
  const path = placeModel(folder, 'm', MODEL)
  const parameters = Math.round(statSync(path).size / FLOAT_BYTES)
  const probe = join(folder, 'probe.sock')
  const llama = { contextTokens: CONTEXT_TOKENS, parallel: PARALLEL, spareSlots: 0, threads: THREADS }
  await using upshift = await startUpshift({ folder, sections: { llama }, nodeFlags: probeFlags(probe) })
  const load = { path, threads: THREADS, contextTokens: CONTEXT_TOKENS, sequences: PARALLEL }
  await using bare = await forkBare(load).catch(unmeasured)
  const way = await ours(upshift, 'm')
  const ways = bare === undefined ? [way] : [way, bare]
  for (const one of ways) await one.run(prompts(PARALLEL), PACE.tokens, 0)

  const pids = [upshift.child.pid ?? 0, ...ways.map(({ pid }) => pid)]
  const watch = new Watch(pids)
  await beginLoopDelay(probe)
  const rows: Row[] = []
  for (const sequences of bare === undefined ? [] : SEQUENCES) {
    process.stderr.write(`${sequences} at once\n`)
    if (bare !== undefined) rows.push(await speed(way, bare, sequences, PACE))
  }
  process.stderr.write('conversations\n')
  const turns = await conversations(upshift, 'm', CONVERSATIONS, SYSTEM_WORDS)
  const loop = await endLoopDelay(probe)
  const seen = {
    parameters,
    threads: THREADS,
    contextTokens: CONTEXT_TOKENS,
    rows,
    turns,
    loop,
    machine: watch.end(),
  }
  const gates = gatesOf(seen, SEQUENCES)
  const report = { ...seen, gates }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : table(report))
  if (gates.some(({ met }) => met === false)) return 3
  return gates.some(({ met }) => met === null) ? 4 : 0
}

/** Without it the run goes on, says so, and ends as inconclusive. */
function unmeasured(error: unknown): undefined {
  const why = error instanceof Error ? error.message : String(error)
  process.stderr.write(`WITHOUT node-llama-cpp alone: ${why}\n`)
}

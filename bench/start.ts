import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chatRequest, getRequest } from './process/chat.ts'
import { Connection } from './process/connection.ts'
import { median, quantile } from './process/load.ts'
import { type StartedBy, startUpshift } from './process/upshift.ts'

/**
 * How long a start takes: `npm run bench:start [-- --runs 12 --json]`. From the exec of the process to the
 * first 200 of /health, and to the first 200 of a question that the handbook answers, with nothing configured
 * and a home and a compile cache that exist. Three ways to start, in turn, so that what else the machine does
 * falls on all alike: the pinned Node itself, the launcher under the machine's own Node, and `npm start`.
 */
const { values } = parseArgs({
  options: { runs: { type: 'string', default: '12' }, json: { type: 'boolean', default: false } },
})
const RUNS_MAX = 100
const TARGET_MS = 400
const WAYS: readonly StartedBy[] = ['node', 'launcher', 'npm']
const QUESTION = 'How does Upshift decide to use the expert tier?'

interface Run {
  readonly healthMs: number
  readonly chatMs: number
}

const runs = Math.min(Number(values.runs), RUNS_MAX)
const folder = mkdtempSync(join(tmpdir(), 'upshift-start-'))
try {
  const seen: Record<StartedBy, Run[]> = { node: [], launcher: [], npm: [] }
  // The first of each fills the compile cache and the home, and is not counted.
  for (const by of WAYS) await once(by)
  for (let run = 0; run < runs; run++) for (const by of WAYS) seen[by].push(await once(by))
  report(seen)
} finally {
  rmSync(folder, { recursive: true })
}

async function once(by: StartedBy): Promise<Run> {
  const begun = performance.now()
  await using upshift = await startUpshift({ folder, by })
  const connection = await Connection.open(upshift.port)
  await ask(connection, getRequest('/health'))
  const healthMs = performance.now() - begun
  await ask(
    connection,
    chatRequest(upshift.key, { model: 'auto', messages: [{ role: 'user', content: QUESTION }] }),
  )
  const chatMs = performance.now() - begun
  connection.destroy()
  // Ends by itself, so that the next start has no log to mend.
  upshift.child.kill('SIGTERM')
  await upshift.ended
  return { healthMs, chatMs }
}

async function ask(connection: Connection, request: string): Promise<void> {
  const { status, body } = await connection.send(request)
  if (status !== 200) throw new Error(`status ${status} instead of 200: ${body}`)
}

function report(seen: Readonly<Record<StartedBy, readonly Run[]>>): void {
  const rows = WAYS.map((by) => ({
    by,
    health: spread(seen[by].map((run) => run.healthMs)),
    chat: spread(seen[by].map((run) => run.chatMs)),
  }))
  const [node, launcher, npm] = rows.map((row) => row.health.medianMs)
  const shares = { launcherMs: (launcher ?? 0) - (node ?? 0), npmMs: (npm ?? 0) - (node ?? 0) }
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ runs, targetMs: TARGET_MS, rows, ...shares }, null, 2)}\n`)
    return
  }
  const name = { node: 'the pinned Node', launcher: 'the launcher', npm: 'npm start' }
  process.stdout.write(`from exec to the first 200, median of ${runs} runs (fastest, slowest)\n`)
  for (const { by, health, chat } of rows)
    process.stdout.write(`  ${name[by].padEnd(16)} /health ${shown(health)}   an answer ${shown(chat)}\n`)
  process.stdout.write(
    `the launcher's share: ${shares.launcherMs.toFixed(0)} ms; npm's share: ${shares.npmMs.toFixed(0)} ms\n` +
      `target for the pinned Node: ${TARGET_MS} ms: ${(node ?? 0) <= TARGET_MS ? 'met' : 'missed'}\n`,
  )
}

interface Spread {
  readonly medianMs: number
  readonly fastestMs: number
  readonly slowestMs: number
}

function spread(all: readonly number[]): Spread {
  const sorted = [...all].sort((left, right) => left - right)
  return { medianMs: median(sorted), fastestMs: quantile(sorted, 0), slowestMs: quantile(sorted, 1) }
}

function shown({ medianMs, fastestMs, slowestMs }: Spread): string {
  return `${medianMs.toFixed(0)} ms (${fastestMs.toFixed(0)}, ${slowestMs.toFixed(0)})`
}

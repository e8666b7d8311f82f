import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/lib/clock.ts'
import { createKey, type MadeKey } from '../process/keys.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { accountsOf, accountTable, faultsOf, mustStayWithinDay } from './accounts.ts'
import { Client, draw, type Mix, seeded } from './asking.ts'
import { type BillingEngine, forkBillingEngine, PRICE_USD } from './billing-engine.ts'
import { ClosedEntries } from './closed-entries.ts'

/**
 * Whether records survive: `node bench/trials/crash.ts [--rounds 100 --connections 32 --seed 1 --json]`.
 *
 * DESIGN. Each round starts the real server on the same home, lets clients ask (half of them for streams whose events
 * come one by one), and kills it with SIGKILL at a random moment. After each: every answer whose end arrived ([DONE], or
 * the whole JSON) has its `closed` entry in the log, read by the format alone. At the end, over the same home: `upshift
 * audit verify` ends with 0, no key is over its budget by Upshift's count or by the engine's own books, and nothing
 * stays reserved or under way. Some budgets are small, so that they run out on the way.
 * Exit codes: 0 all of it holds, 3 something does not.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    connections: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const MIX: Mix = { stream: 0.5, abort: 0.05, fault: 0.05 }
/** Dollars a day: some run out in the first rounds, one never. */
const BUDGETS_USD = [0.01, 0.05, 0.2, 1, 1_000]
const GAP_MS = 1
const LIFE_MIN_MS = 30
const LIFE_SPREAD_MS = 600
/** Kills come earlier than a start takes to compile: the first answers must have come before the clock runs. */
const FIRST_ANSWERS = 8
const FIRST_LIMIT_MS = 20_000
const DAY_SPARE_MS = 10 * 60_000
const VERIFY_LIMIT_MS = 300_000
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'upshift-crash-'))
const random = seeded(Number(values.seed))
let nonce = 0
try {
  mustStayWithinDay(systemClock.now(), DAY_SPARE_MS)
  process.exitCode = await run()
} finally {
  if (process.exitCode === 3) process.stderr.write(`the home is kept for a look: ${folder}\n`)
  else rmSync(folder, { recursive: true })
}

async function run(): Promise<0 | 3> {
  await using engine = await forkBillingEngine()
  const closed = new ClosedEntries(join(folder, 'home', 'log'))
  const outcomes = new Map<string, number>()
  const rounds = Number(values.rounds)
  let keys: readonly MadeKey[] = []
  let finished = 0
  for (let round = 1; round <= rounds; round++) {
    const answered = new Set<string>()
    const upshift = await startUpshift({ folder, engine: engine.url, price: PRICE_USD })
    try {
      if (keys.length === 0) keys = await makeKeys(upshift)
      await askAndKill(upshift, keys, answered, outcomes)
    } finally {
      await upshift[Symbol.asyncDispose]()
    }
    closed.read()
    const without = [...answered].filter((id) => !closed.has(id))
    finished += answered.size
    process.stderr.write(`round ${round}: ${answered.size} answers arrived whole, ${finished} in all\n`)
    if (without.length > 0) return report([`round ${round}: no record of ${without.join(', ')}`], {}, '')
  }
  return await conclude(engine, keys, {
    rounds,
    finished,
    entries: closed.entries,
    outcomes: Object.fromEntries(outcomes),
  })
}

async function conclude(engine: BillingEngine, keys: readonly MadeKey[], facts: object): Promise<0 | 3> {
  const faults: string[] = []
  let table = ''
  {
    await using upshift = await startUpshift({ folder, engine: engine.url, price: PRICE_USD })
    const accounts = await accountsOf(upshift, keys, await engine.books())
    faults.push(...faultsOf(accounts))
    table = accountTable(accounts)
    faults.push(...(await verified('beside the running server')))
    upshift.child.kill('SIGTERM')
    await upshift.ended
  }
  faults.push(...(await verified('after an orderly end')))
  return report(faults, facts, table)
}

function report(faults: readonly string[], facts: object, table: string): 0 | 3 {
  if (values.json) process.stdout.write(`${JSON.stringify({ ...facts, faults }, null, 2)}\n`)
  else {
    process.stdout.write(`${JSON.stringify(facts)}\n${table}`)
    for (const fault of faults) process.stdout.write(`FAULT: ${fault}\n`)
    if (faults.length === 0)
      process.stdout.write('every answer that arrived has its record, and every budget held\n')
  }
  return faults.length === 0 ? 0 : 3
}

function makeKeys(upshift: Upshift): Promise<readonly MadeKey[]> {
  return Promise.all(
    BUDGETS_USD.map((usdPerDay) => createKey(upshift, `up to ${usdPerDay} dollars`, { usdPerDay })),
  )
}

/** Asks on every connection until the server is gone; it is killed at a random moment after the first answers. */
async function askAndKill(
  upshift: Upshift,
  keys: readonly MadeKey[],
  answered: Set<string>,
  outcomes: Map<string, number>,
): Promise<void> {
  const first = Promise.withResolvers<void>()
  const client = async (): Promise<void> => {
    const one = new Client(upshift.port)
    for (;;) {
      const { what, id } = await one.ask(draw(keys, nonce++, MIX, GAP_MS, random))
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
      if (id !== undefined) answered.add(id)
      if (answered.size >= FIRST_ANSWERS) first.resolve()
      if (what === 'refused' || what === 'lost') return
    }
  }
  const clients = Promise.all(Array.from({ length: Number(values.connections) }, client))
  await Promise.race([first.promise, sleep(FIRST_LIMIT_MS)])
  await sleep(LIFE_MIN_MS + random() * LIFE_SPREAD_MS)
  upshift.child.kill('SIGKILL')
  await Promise.all([clients, upshift.ended])
}

function verified(when: string): Promise<readonly string[]> {
  const home = join(folder, 'home')
  if (!existsSync(home)) throw new Error(`${home} is gone`)
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, UPSHIFT_HOME: home }
  return new Promise((resolve) => {
    const options = { env, timeout: VERIFY_LIMIT_MS }
    execFile(process.execPath, [MAIN, 'audit', 'verify'], options, (error, out, err) => {
      resolve(error === null ? [] : [`audit verify ${when}: ${error.message}\n${out}${err}`])
    })
  })
}

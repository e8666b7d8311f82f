import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/lib/clock.ts'
import { createKey, type MadeKey } from '../process/keys.ts'
import { startUpshift, type Upshift } from '../process/upshift.ts'
import { type Account, accountsOf, accountTable, faultsOf, mustStayWithinDay } from './accounts.ts'
import { type Ask, Client, draw, type Mix, type Outcome, seeded } from './asking.ts'
import { type BillingEngine, forkBillingEngine, PRICE_USD } from './billing-engine.ts'

/**
 * Whether budgets hold under races: `node bench/trials/budgets.ts [--requests 100000 --connections 64 --keys 20
 * --stream 0.3 --abort 0.05 --fault 0.05 --seed 1 --json]`.
 *
 * DESIGN. The real server, a key each for so many budgets, and more requests than the budgets allow: a tenth by
 * default. The engine keeps its own books (billing-engine.ts). At the end: for every key the engine billed no more than
 * its budget and no more than Upshift counted, nothing stays reserved or under way, and at least USABLE_SHARE of every
 * budget was spent. An attempt that failed with an unknown cost counts whole: it is part of what was spent.
 * Exit codes: 0 all of it holds, 3 something does not.
 */
const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    connections: { type: 'string', default: '64' },
    keys: { type: 'string', default: '20' },
    /** Share of the requests that the budgets allow, about. */
    allow: { type: 'string', default: '0.1' },
    stream: { type: 'string', default: '0.3' },
    abort: { type: 'string', default: '0.05' },
    fault: { type: 'string', default: '0.05' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const USABLE_SHARE = 0.98
/** What a request costs on average with no faults: some 18 tokens of prompt and 30 of answer. */
const MEAN_COST_USD = 0.000138
const DAY_SPARE_MS = 10 * 60_000
const SETTLE_LIMIT_MS = 30_000
const LOOK_EVERY_MS = 100
/**
 * Scripted failures in a row have opened the replica's breaker for a moment. Such a refusal costs nothing, and comes so
 * fast that it would use up the requests: the same one is asked again a little later.
 */
const PAUSED = '503 no_model'
const PAUSE_MS = 50
const PAUSES_MAX = 200
const EXPECTED =
  /^(answered|aborted|429 budget_exceeded|503 no_model|50[0-9] upstream_\w+|200 with an error in the stream)$/
const TELL_EVERY = 10_000

const requests = Number(values.requests)
const mix: Mix = { stream: Number(values.stream), abort: Number(values.abort), fault: Number(values.fault) }
const folder = mkdtempSync(join(tmpdir(), 'upshift-budgets-'))
try {
  mustStayWithinDay(systemClock.now(), DAY_SPARE_MS)
  process.exitCode = await run()
} finally {
  rmSync(folder, { recursive: true })
}

async function run(): Promise<0 | 3> {
  await using engine = await forkBillingEngine()
  await using upshift = await startUpshift({ folder, engine: engine.url, price: PRICE_USD })
  const keys = await makeKeys(upshift)
  const begun = performance.now()
  const outcomes = await askAll(upshift, keys)
  const seconds = (performance.now() - begun) / 1_000
  const accounts = await settled(upshift, engine, keys)
  const faults = [...faultsOf(accounts), ...unusedOf(accounts), ...strangeOf(outcomes)]
  const counts = Object.fromEntries([...outcomes].sort(([, left], [, right]) => right - left))
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ requests, seconds, outcomes: counts, accounts, faults }, null, 2)}\n`,
    )
  else {
    process.stdout.write(`${requests} requests in ${seconds.toFixed(0)} s: ${JSON.stringify(counts)}\n`)
    process.stdout.write(accountTable(accounts))
    for (const fault of faults) process.stdout.write(`FAULT: ${fault}\n`)
    if (faults.length === 0) process.stdout.write('every budget held, and was usable\n')
  }
  return faults.length === 0 ? 0 : 3
}

function makeKeys(upshift: Upshift): Promise<readonly MadeKey[]> {
  const count = Number(values.keys)
  const usdPerDay = Number(((requests / count) * Number(values.allow) * MEAN_COST_USD).toFixed(6))
  return Promise.all(
    Array.from({ length: count }, (_, index) => createKey(upshift, `trial ${index}`, { usdPerDay })),
  )
}

async function askAll(upshift: Upshift, keys: readonly MadeKey[]): Promise<Map<string, number>> {
  const random = seeded(Number(values.seed))
  const outcomes = new Map<string, number>()
  let sent = 0
  const client = async (): Promise<void> => {
    const one = new Client(upshift.port)
    while (sent < requests) {
      const ask = draw(keys, sent, mix, 0, random)
      sent += 1
      if (sent % TELL_EVERY === 0) process.stderr.write(`${sent} requests\n`)
      const { what, words } = await askOnceOpen(one, ask)
      if (words !== undefined && !EXPECTED.test(what) && !outcomes.has(what))
        process.stderr.write(`${words}\n`)
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1)
    }
    one.destroy()
  }
  await Promise.all(Array.from({ length: Number(values.connections) }, client))
  return outcomes
}

/** Asks again while the breaker is open. */
async function askOnceOpen(one: Client, ask: Ask): Promise<Outcome> {
  for (let pauses = 0; ; pauses++) {
    const outcome = await one.ask(ask)
    if (outcome.what !== PAUSED || pauses === PAUSES_MAX) return outcome
    await sleep(PAUSE_MS)
  }
}

/** The accounts once nothing is under way any more, at the engine or here. */
async function settled(
  upshift: Upshift,
  engine: BillingEngine,
  keys: readonly MadeKey[],
): Promise<readonly Account[]> {
  const begun = performance.now()
  for (;;) {
    const books = await engine.books()
    const accounts = await accountsOf(upshift, keys, books)
    const busy = books.underWay > 0 || accounts.some(({ underWay, held }) => underWay > 0 || held > 0)
    if (!busy || performance.now() - begun > SETTLE_LIMIT_MS) return accounts
    await sleep(LOOK_EVERY_MS)
  }
}

function unusedOf(accounts: readonly Account[]): readonly string[] {
  return accounts
    .filter(({ spent, budget }) => spent < USABLE_SHARE * budget)
    .map(({ key, spent, budget }) => `${key}: only ${spent} of ${budget} µ$ could be spent`)
}

/** What a client may meet here: an answer, its own end, a spent budget, or a failure that retries did not mend. */
function strangeOf(outcomes: ReadonlyMap<string, number>): readonly string[] {
  return [...outcomes]
    .filter(([what]) => !EXPECTED.test(what))
    .map(([what, count]) => `${count} requests ended as: ${what}`)
}

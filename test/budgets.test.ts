import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createKey, type MadeKey } from '../bench/process/keys.ts'
import { startUpshift, type Upshift } from '../bench/process/upshift.ts'
import { type Account, accountsOf, faultsOf, mustStayWithinDay } from '../bench/trials/accounts.ts'
import { Client, draw, seeded } from '../bench/trials/asking.ts'
import { type BillingEngine, forkBillingEngine, PRICE_USD } from '../bench/trials/billing-engine.ts'
import { systemClock } from '../src/lib/clock.ts'
import { makeKey, shownKey } from './process/admin.ts'
import { chat, errorOf, type Reply } from './process/send.ts'
import { type RunningServer, startServer } from './process/server.ts'
import { configOf, engineAt } from './process/settings.ts'
import { event, respond, STREAM_END, startUpstream, streamHead } from './process/upstream.ts'

/** Budgets and limits over the whole process; with more of everything: bench/trials/budgets.ts and crash.ts. */

const LIMIT = { timeout: 60_000 }
const folder = mkdtempSync(join(tmpdir(), 'upshift-budgets-'))
after(() => rmSync(folder, { recursive: true }))

const REQUESTS = 2_000
const CONNECTIONS = 16
/** Dollars a day: about a fifth of what is asked for, and of the last key all of it. */
const BUDGETS_USD = [0.005, 0.01, 0.02, 0.02, 10]
const MIX = { stream: 0.4, abort: 0.1, fault: 0.1 }
const SETTLE_MAX = 300
const SETTLE_EVERY_MS = 50
const DAY_SPARE_MS = 60_000

test(
  'billed ≤ spent ≤ budget with streams, aborts, failures and retries, and a kill -9 makes the ledger forget nothing',
  LIMIT,
  async () => {
    mustStayWithinDay(systemClock.now(), DAY_SPARE_MS)
    await using engine = await forkBillingEngine()
    const home = mkdtempSync(join(folder, 'races-'))
    const start = (): Promise<Upshift> => startUpshift({ folder: home, engine: engine.url, price: PRICE_USD })
    const load = new Load()
    let keys: readonly MadeKey[] = []
    {
      await using upshift = await start()
      keys = await Promise.all(
        BUDGETS_USD.map((usdPerDay) => createKey(upshift, `${usdPerDay}`, { usdPerDay })),
      )
      await load.ask(upshift, keys, REQUESTS / 2)
    }
    let before: readonly Account[] = []
    {
      await using upshift = await start()
      const killed = await settled(upshift, engine, keys)
      assert.deepEqual(faultsOf(killed), [], 'after a kill in the middle of the load')
      load.killAt = Number.POSITIVE_INFINITY
      await load.ask(upshift, keys, REQUESTS)
      before = await settled(upshift, engine, keys)
      assert.deepEqual(faultsOf(before), [])
      const grown = before.every(({ spent }, index) => spent >= (killed[index]?.spent ?? 0))
      assert.ok(grown, 'what was spent before the kill still counts')
      upshift.child.kill('SIGKILL')
      await upshift.ended
    }
    await using upshift = await start()
    assert.deepEqual(
      await settled(upshift, engine, keys),
      before,
      'a kill with nothing under way changes nothing',
    )
    for (const { spent, budget } of before.slice(0, 2)) {
      assert.ok(spent >= budget * 0.9, `a budget is usable: ${spent} of ${budget} µ$`)
    }
  },
)

/** Clients that ask the same drawn requests in every run, and kill the server on the way. */
class Load {
  /** Requests after which the server is killed. */
  killAt = REQUESTS / 2 - 100
  readonly #random = seeded(7)
  #sent = 0

  /** Until so many requests were sent in all, or the server is gone. */
  async ask(upshift: Upshift, keys: readonly MadeKey[], upTo: number): Promise<void> {
    const client = async (): Promise<void> => {
      const one = new Client(upshift.port)
      while (this.#sent < upTo) {
        const asked = draw(keys, this.#sent++, MIX, 0, this.#random)
        if (this.#sent === this.killAt) upshift.child.kill('SIGKILL')
        const { what } = await one.ask(asked)
        if (what === 'refused' || what === 'lost') break
      }
      one.destroy()
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, client))
  }
}

/** The accounts once nothing is under way any more, at the engine or here. */
async function settled(
  upshift: Upshift,
  engine: BillingEngine,
  keys: readonly MadeKey[],
): Promise<readonly Account[]> {
  for (let looks = 0; ; looks++) {
    const books = await engine.books()
    const accounts = await accountsOf(upshift, keys, books)
    const busy = books.underWay > 0 || accounts.some(({ underWay, held }) => underWay > 0 || held > 0)
    if (!busy || looks === SETTLE_MAX) return accounts
    await pause(SETTLE_EVERY_MS)
  }
}

describe('a limit', () => {
  const ASK = { model: 'scripted/small', max_tokens: 20, messages: [{ role: 'user', content: 'Hello?' }] }
  /** 13 µ$ each, by the usage that the engine states. */
  const USD_EACH = 0.000013
  const home = join(folder, 'limits')
  const held = new AsyncDisposableStack()
  after(() => held.disposeAsync())
  let upstream: Awaited<ReturnType<typeof startUpstream>> | undefined
  let running: RunningServer | undefined

  /** One server for all of them, started by the first. */
  const server = async (): Promise<RunningServer> => {
    upstream ??= held.use(await startUpstream())
    upstream.answer((response, request) => respond(response, request, ['one ', 'two']))
    running ??= await startServer({ home, config: configOf({ scripted: engineAt([upstream.url]) }) })
    return running
  }
  held.defer(async () => void (await running?.[Symbol.asyncDispose]()))

  function assertRefused(reply: Reply, code: string, words: RegExp): number {
    assert.equal(reply.status, 429, reply.text)
    assert.equal(errorOf(reply).code, code)
    assert.match(errorOf(reply).message, words)
    return Number(reply.headers['retry-after'])
  }

  test(
    'of requests a minute answers 429 with the seconds until the next, also after a kill -9',
    LIMIT,
    async () => {
      const first = await server()
      const { headers } = await makeKey(first, 'three a minute', { requestsPerMinute: 3 })
      for (let turn = 0; turn < 3; turn++) assert.equal((await chat(first, ASK, headers)).status, 200)
      const wait = assertRefused(
        await chat(first, ASK, headers),
        'rate_limited',
        /3 requests within a minute/,
      )
      assert.ok(wait >= 1 && wait <= 60, `${wait}`)
      await first.kill()
      running = undefined
      assertRefused(await chat(await server(), ASK, headers), 'rate_limited', /3 requests within a minute/)
    },
  )

  test('of tokens a minute counts the worst case of what is asked', LIMIT, async () => {
    const at = await server()
    const { headers } = await makeKey(at, 'few tokens', { tokensPerMinute: 400 })
    const outcomes: number[] = []
    for (let turn = 0; turn < 40; turn++) outcomes.push((await chat(at, ASK, headers)).status)
    assert.equal(outcomes[0], 200)
    const wait = assertRefused(await chat(at, ASK, headers), 'rate_limited', /of its 400 a minute/)
    assert.ok(wait >= 1 && wait <= 60, `${wait}`)
    const longer = await chat(at, { ...ASK, max_tokens: 1_000 }, headers)
    assertRefused(longer, 'rate_limited', /more than the 400 a minute/)
    assert.equal(longer.headers['retry-after'], undefined, 'waiting would not help')
  })

  test('of concurrent requests frees its place when an answer ends', LIMIT, async () => {
    const at = await server()
    const { headers, id } = await makeKey(at, 'one at once', { concurrentRequests: 1 })
    const begun = Promise.withResolvers<void>()
    const ending = Promise.withResolvers<void>()
    upstream?.answer(async (response, request) => {
      if (request.body['stream'] !== true) return respond(response, request, ['one ', 'two'])
      streamHead(response)
      response.write(event({ role: 'assistant', content: 'one ' }))
      begun.resolve()
      await ending.promise
      response.end(event({}, 'stop') + STREAM_END)
    })
    const stream = chat(at, { ...ASK, stream: true }, headers)
    await begun.promise
    assert.ok(assertRefused(await chat(at, ASK, headers), 'rate_limited', /1 requests under way/) >= 1)
    assert.equal((await shownKey(at, id)).spent.requestsUnderWay, 1)
    ending.resolve()
    assert.equal((await stream).status, 200)
    assert.equal((await chat(at, ASK, headers)).status, 200)
  })

  test('of dollars a month holds over a restart, and says when the month ends', LIMIT, async () => {
    const first = await server()
    const { headers, id } = await makeKey(first, 'a month', { usdPerMonth: 100 * USD_EACH, usdPerDay: 1 })
    let answered = 0
    while ((await chat(first, ASK, headers)).status === 200) answered += 1
    assert.ok(answered >= 80 && answered <= 100, `${answered} answers of $${USD_EACH}`)
    const spent = (await shownKey(first, id)).spent.usdThisMonth
    assert.ok(Math.abs(spent - answered * USD_EACH) < 1e-9)
    assert.equal(await first.stop(), 0)
    running = undefined
    const again = await server()
    const wait = assertRefused(await chat(again, ASK, headers), 'budget_exceeded', /a month \(UTC\)/)
    const now = new Date(systemClock.now())
    const monthEnds = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
    assert.ok(Math.abs(wait - (monthEnds - now.getTime()) / 1_000) < 60, `${wait} s`)
    assert.equal((await shownKey(again, id)).spent.usdThisMonth, spent)
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Purse } from '../contract/budget.ts'
import { isRefusal, PROBLEM_CODES, refuse } from '../contract/problem.ts'
import { environmentEngines } from './environment.ts'
import { fleetOver, leased, need, openAiList, type Scripted, scripted } from './scripted.fixture.ts'

const MODEL = 'openai/gpt-4o-mini'
// gpt-4o-mini: $0.15 in and $0.60 out a million. 1,000 in and 1,000 out cost 750 micro-dollars.
const WORST = 750

async function cappedFleet(server: Scripted): Promise<ReturnType<typeof fleetOver>> {
  const found = environmentEngines({ OPENAI_API_KEY: 'sk-planted', OPENAI_BASE_URL: server.url })
  const over = fleetOver({ environment: found.engines })
  await over.fleet.allow('openai', 1_000, 'key_owner')
  return over
}

/** Upshift or the caller broke the answer off: the engine's part is estimated. */
const BROKEN_OFF = ['client_closed', 'deadline_exceeded', 'output_refused', 'answer_too_large', 'draining']

test('once content has come, no outcome without a usage is free: the hold stays spent, or an estimate of it', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  for (const outcome of PROBLEM_CODES) {
    await using over = await cappedFleet(server)
    await using lease = await leased(over.fleet, need([MODEL]))
    const cost = lease.settle({ outcome, contentSeen: true, seenTokens: 36 })
    const spend = over.fleet.engines()[0]?.spend
    const figures = [spend?.spentMicros, spend?.unknownMicros, spend?.heldMicros]
    if (BROKEN_OFF.includes(outcome)) {
      // Half of the prompt's bound, and 64 tokens more than were seen: 500 × 0.15 + 100 × 0.60.
      assert.deepEqual([cost.costMicros, cost.estimated], [135, true], outcome)
      assert.deepEqual(figures, [135, 0, 0], outcome)
    } else {
      assert.equal(cost.costMicros, undefined, outcome)
      assert.deepEqual(figures, [WORST, WORST, 0], outcome)
    }
  }
})

test('an estimate is never above the worst case that was held', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  await using lease = await leased(over.fleet, need([MODEL]))
  const cost = lease.settle({ outcome: 'client_closed', contentSeen: true, seenTokens: 1_000_000 })
  assert.ok(cost.costMicros !== undefined && cost.costMicros <= WORST)
})

test('an answer whose size was found out before anything of it was seen keeps the whole hold', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  await using lease = await leased(over.fleet, need([MODEL]))
  const cost = lease.settle({ outcome: 'answer_too_large', contentSeen: false, silentMs: 5 })
  assert.equal(cost.costMicros, undefined)
  assert.equal(over.fleet.engines()[0]?.spend?.unknownMicros, WORST)
})

test('a refusal before any content is free, and a usage that was reported counts as it is after it', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  await using refused = await leased(over.fleet, need([MODEL]))
  assert.equal(refused.settle({ outcome: 'upstream_rejected', contentSeen: false }).costMicros, 0)
  await using counted = await leased(over.fleet, need([MODEL]))
  const usage = { promptTokens: 100, completionTokens: 10 }
  assert.equal(counted.settle({ outcome: 'upstream_rejected', usage, contentSeen: true }).costMicros, 21)
  assert.equal(over.fleet.engines()[0]?.spend?.spentMicros, 21)
})

test('the caller is charged for a prompt once, the provider bills it each time', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  await using lease = await leased(over.fleet, need([MODEL]))
  const usage = { promptTokens: 1_000, completionTokens: 100 }
  const cost = lease.settle({ outcome: 'ok', usage, contentSeen: true, firstPromptTokens: 400 })
  assert.deepEqual([cost.costMicros, cost.chargedMicros], [210, 120])
})

test('what the caller’s purse does not hold is not dispatched, and nothing stays held for it', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  const empty: Purse = { reserve: () => refuse('budget_exceeded', 'The day is spent.') }
  const refused = await over.fleet.acquire(need([MODEL], { purse: empty }))
  assert.equal(isRefusal(refused) && refused.problem.code, 'budget_exceeded')
  assert.equal(over.fleet.engines()[0]?.spend?.heldMicros, 0)
})

test('the purse is paid what the attempt cost, and gets the whole hold back for one that was not made', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  const paid: unknown[] = []
  const purse: Purse = {
    reserve: ({ micros, tokens }) => ({ settle: (end) => paid.push([micros, tokens, end]) }),
  }
  await using lease = await leased(over.fleet, need([MODEL], { purse }))
  const usage = { promptTokens: 100, completionTokens: 10 }
  lease.settle({ outcome: 'ok', usage, contentSeen: true })
  await using unsent = await leased(over.fleet, need([MODEL], { purse }))
  unsent.settle({ outcome: 'record_unavailable', contentSeen: false })
  assert.deepEqual(paid, [
    [WORST, 2_000, { costMicros: 21, tokens: 110 }],
    [WORST, 2_000, { costMicros: 0, tokens: 0 }],
  ])
})

test('a prompt that is marked for a cache is held for at the price of writing it, where that is billed', async () => {
  await using server = await scripted(openAiList('claude-haiku-4-5'))
  const models = [{ name: 'claude-haiku-4-5', price: { input: 1, output: 5, cachedInput: 0.1 } }]
  const engines = {
    anthropic: { url: server.url, trusted: true, models },
    other: { kind: 'openai-compatible', url: server.url, models },
  }
  await using over = fleetOver({ config: { engines } })
  const heldFor = async (engine: string, cache?: '5m' | '1h'): Promise<number | undefined> => {
    await using lease = await leased(over.fleet, need([`${engine}/claude-haiku-4-5`], { cache }))
    lease.settle({ outcome: 'upstream_rejected', contentSeen: false })
    return lease.heldMicros
  }
  // 1,000 tokens in at $1 a million, 1,000 out at $5.
  assert.equal(await heldFor('anthropic'), 6_000)
  assert.equal(await heldFor('anthropic', '5m'), 6_250)
  assert.equal(await heldFor('anthropic', '1h'), 7_000)
  assert.equal(await heldFor('other', '1h'), 6_000)
  await using lease = await leased(over.fleet, need(['anthropic/claude-haiku-4-5'], { cache: '1h' }))
  const broken = lease.settle({ outcome: 'client_closed', contentSeen: true, seenTokens: 36 })
  // Half of the prompt's bound, written for an hour, and 100 tokens out.
  assert.deepEqual([broken.costMicros, broken.estimated], [1_500, true])
})

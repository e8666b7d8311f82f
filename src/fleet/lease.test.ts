import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBLEM_CODES } from '../contract/problem.ts'
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

test('once content has come, no outcome without a usage is free: the hold stays spent', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  for (const outcome of PROBLEM_CODES) {
    await using over = await cappedFleet(server)
    await using lease = await leased(over.fleet, need([MODEL]))
    assert.equal(lease.settle(outcome, undefined, undefined, true), undefined, outcome)
    const spend = over.fleet.engines()[0]?.spend
    assert.deepEqual(
      [spend?.spentMicros, spend?.unknownMicros, spend?.heldMicros],
      [WORST, WORST, 0],
      outcome,
    )
  }
})

test('a refusal before any content is free, and a usage that was reported counts as it is after it', async () => {
  await using server = await scripted(openAiList('gpt-4o-mini'))
  await using over = await cappedFleet(server)
  await using refused = await leased(over.fleet, need([MODEL]))
  assert.equal(refused.settle('upstream_rejected', undefined, undefined, false), 0)
  await using counted = await leased(over.fleet, need([MODEL]))
  const usage = { promptTokens: 100, completionTokens: 10 }
  assert.equal(counted.settle('upstream_rejected', usage, undefined, true), 21)
  assert.equal(over.fleet.engines()[0]?.spend?.spentMicros, 21)
})
